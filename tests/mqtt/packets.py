"""MQTT control packets as bytes, as a broker sends them."""

from tests.harness.mqtt_frames import remaining_length

PINGRESP = b"\xd0\x00"


def publish(topic, payload, *, qos=1, packet_id=1, properties=None, flags=0):
    """Version 5 where `properties` (encoded, without their length) is given."""
    name = topic if isinstance(topic, bytes) else topic.encode()
    body = len(name).to_bytes(2) + name
    if qos:
        body += packet_id.to_bytes(2)
    if properties is not None:
        body += remaining_length(len(properties)) + properties
    return packet(0x30 | qos << 1 | flags, body + payload)


def pubrel(packet_id):
    return packet(0x62, packet_id.to_bytes(2))


def packet(first, body):
    return bytes([first]) + remaining_length(len(body)) + body


def connack(*, version_5=True, session_present=False, code=0, properties=b""):
    body = bytes([session_present, code])
    return packet(0x20, body + remaining_length(len(properties)) + properties if version_5 else body)


def suback(packet_id, *codes, version_5=True):
    return packet(0x90, packet_id.to_bytes(2) + (b"\x00" if version_5 else b"") + bytes(codes))


def unsuback(packet_id, *codes, version_5=True):
    return packet(0xB0, packet_id.to_bytes(2) + (b"\x00" + bytes(codes) if version_5 else b""))


def subscribed(body, *, version_5):
    """(filter, QoS, subscription identifier) of each filter of a SUBSCRIBE."""
    at, identifier = _properties(body, version_5)
    found = []
    while at < len(body):
        size = int.from_bytes(body[at : at + 2])
        found.append((body[at + 2 : at + 2 + size].decode(), body[at + 2 + size] & 3, identifier))
        at += size + 3
    return found


def unsubscribed(body, *, version_5):
    """Filters of an UNSUBSCRIBE."""
    at, _ = _properties(body, version_5)
    found = []
    while at < len(body):
        size = int.from_bytes(body[at : at + 2])
        found.append(body[at + 2 : at + 2 + size].decode())
        at += size + 2
    return found


def _properties(body, version_5):
    """Offset after packet identifier and properties, and the subscription identifier among them (0: none)."""
    if not version_5:
        return 2, 0
    end = 3 + body[2]
    identifier = shift = 0
    if body[2]:
        assert body[3] == 0x0B
        for byte in body[4:end]:
            identifier |= (byte & 127) << shift
            shift += 7
    return end, identifier
