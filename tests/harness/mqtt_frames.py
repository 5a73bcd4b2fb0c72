"""MQTT 3.1.1 packets that a publisher sends, and the first two bytes of the packets that it receives.

After CONNACK, a publisher that sends no pings receives only packets of four bytes.
https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html
"""

import struct

PUBACK, PUBREC, PUBREL, PUBCOMP = 0x4002, 0x5002, 0x6202, 0x7002
DUP = 0x08


def connect(client_id: str, username: str | None, password: str) -> bytes:
    """Return a CONNECT packet. It keeps the session, because QoS 2 needs it to continue after a reconnect.

    The keepalive is the maximum, because rumqttd refuses 0 (no keepalive).
    """
    texts = [client_id] if username is None else [client_id, username, password]
    flags = 0x00 if username is None else 0xC0
    body = b"\x00\x04MQTT\x04" + bytes([flags]) + b"\xff\xff"
    body += b"".join(struct.pack("!H", len(text.encode())) + text.encode() for text in texts)
    return b"\x10" + remaining_length(len(body)) + body


def publish(head: int, topic: str, payload: bytes, packet_id: int | None = None) -> bytes:
    """Return a PUBLISH packet. `head` is the first byte of the header. With QoS 0, there is no packet ID.

    A single format operation creates the packet, because this is the largest part of the publisher's CPU time.
    """
    name = topic.encode()
    if packet_id is None:
        length = remaining_length(2 + len(name) + len(payload))
        return b"%c%b%c%c%b%b" % (head, length, len(name) >> 8, len(name) & 255, name, payload)
    length = remaining_length(4 + len(name) + len(payload))
    return b"%c%b%c%c%b%c%c%b" % (
        *(head, length, len(name) >> 8, len(name) & 255, name),
        *(packet_id >> 8, packet_id & 255, payload),
    )


def pubrel(packet_id: int) -> bytes:
    return struct.pack("!HH", PUBREL, packet_id)


def remaining_length(length: int) -> bytes:
    """Return a length as in section 2.2.3 of the standard: seven bits per byte, lowest bits first."""
    out = bytearray()
    while True:
        length, low = length >> 7, length & 127
        out.append(low | 128 if length else low)
        if not length:
            return bytes(out)
