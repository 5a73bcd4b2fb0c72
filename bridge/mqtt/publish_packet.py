"""The one packet that the bridge writes beside paho's: PUBLISH with QoS 0.

https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901100
"""

from __future__ import annotations

from bridge.varint import encode_varint

_PUBLISH = 0x30


def publish_packet(topic: str, payload: bytes, *, version_5: bool) -> bytes:
    """Not retained, and without properties."""
    name = topic.encode()
    body = len(name).to_bytes(2) + name + (b"\0" if version_5 else b"") + payload
    return bytes([_PUBLISH]) + encode_varint(len(body)) + body
