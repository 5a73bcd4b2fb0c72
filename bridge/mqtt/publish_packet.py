"""Encoder for PUBLISH packets with QoS 0. The bridge sends these packets without paho.

https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901100
"""

from __future__ import annotations

from bridge.varint import encode_varint

_PUBLISH = 0x30


def publish_packet(topic: str, payload: bytes, *, version_5: bool) -> bytes:
    """Return the bytes of a PUBLISH packet with QoS 0, not retained and without properties."""
    # There is no packet identifier, because QoS 0 has no acknowledgement.
    name = topic.encode()
    # MQTT 5 requires the length of the properties, which is 0. MQTT 3.1.1 has no such field.
    body = len(name).to_bytes(2) + name + (b"\0" if version_5 else b"") + payload
    return bytes([_PUBLISH]) + encode_varint(len(body)) + body
