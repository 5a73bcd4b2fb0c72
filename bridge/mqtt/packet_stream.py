"""Parser that extracts PUBLISH and PUBREL packets from the byte stream before paho reads it.

paho uses a `PacketStream` as its socket. The packet stream reads large blocks from a TCP, TLS or WebSocket connection,
and splits them into MQTT control packets. It collects PUBLISH and PUBREL packets for the subscriber, and passes all
other packets (CONNACK, SUBACK, PINGRESP, DISCONNECT, ...) to paho. paho's own parser needs 15 to 20 µs per message.
This parser needs about 1.5 µs.

The bridge also handles QoS 2 itself, so that it loses no message. paho sends PUBREC as soon as a message is in memory,
so a message that arrives just before a crash would be lost. The bridge sends PUBREC and PUBACK only after the spool has
committed the message.

The bridge and paho write to one common output buffer. So packets are never mixed, and a peer that does not read never
blocks the thread.

Format: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901021
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from bridge.mqtt.byte_stream import ByteStream

if TYPE_CHECKING:
    from bridge.mqtt.byte_stream import SocketLike

READ_BYTES = 262_144
"""Maximum number of bytes per read from the socket. The kernel's receive buffer has about this size."""
KEPT_OF_OVERSIZED_BYTES = 65_536
"""Number of bytes of an oversized payload that are stored in its dead letter."""
MAX_HEAD_BYTES = 2 * 65_535 + 65_536
"""Maximum size of the part of an oversized PUBLISH before its payload: topic, packet identifier and properties."""
MAX_CONTROL_BYTES = 1_048_576
"""Maximum size of a packet that is not a PUBLISH. Only a faulty broker sends larger packets."""

PUBREL = 0x62
PUBACK, PUBREC, PUBCOMP = b"\x40\x02", b"\x50\x02", b"\x70\x02"
"""Beginnings of acknowledgement packets. Only the packet identifier follows, because MQTT 5 permits omitting the reason
code 0 (section 3.4.2.1)."""
# First bytes that a server of another protocol sends: HTTP, or a TLS alert. A broker's MQTT packets never begin with
# them.
_OTHER_PROTOCOLS = (b"HTTP/", b"\x15\x03")
_MALFORMED_LENGTH = "a length of more than four bytes"
_MALFORMED_PUBLISH = "a malformed PUBLISH"

Publish = tuple[int, bytes, bytes, bytes, bytes, int]
"""A PUBLISH or PUBREL packet: first byte, topic, packet identifier, properties, payload, payload length.

The packet identifier has two bytes, or is b"" for QoS 0. The payload length is the length of the complete payload, even
if only its beginning is stored. For a PUBREL, all items except the first byte and the packet identifier are empty.
"""


class ProtocolViolation(Exception):
    """The peer has violated the MQTT protocol, so the connection must be closed."""


class PacketStream(ByteStream):
    """Byte stream of one connection. Not thread-safe: only the ingest thread uses it, directly and through paho."""

    def __init__(self, sock: SocketLike, *, version_5: bool, max_message_bytes: int) -> None:
        self._sock = sock
        self._version_5 = version_5
        self._max_message_bytes = max_message_bytes
        self._kept_bytes = min(KEPT_OF_OVERSIZED_BYTES, max_message_bytes)
        self._partial: list[bytes] = []
        self._partial_bytes = 0
        self._needed_bytes = 0
        self._discard_bytes = 0
        self._oversized: Publish | None = None
        self._for_paho = bytearray()
        self._out = bytearray()
        self.bytes_received = 0
        self.eof = False
        self.error: OSError | None = None
        """Error of the last write, which paho does not report."""
        self.packets: list[Publish] = []
        self.connack = b""

    # -- methods for the subscriber --------------------------------------------------------------------------------

    def read(self) -> bool:
        """Read once from the socket. Return whether more data may be available. Raises OSError or ProtocolViolation."""
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        if not data:
            self.eof = True
            return False
        if not self.bytes_received and data.startswith(_OTHER_PROTOCOLS):
            raise ProtocolViolation(f"the response is not MQTT: {data[:40]!r}")
        self.bytes_received += len(data)
        if self._discard_bytes:
            data = self._skip(data)
        self._partial.append(data)
        self._partial_bytes += len(data)
        # Join the blocks only when a packet is complete. Otherwise, each read would copy the first part of a large
        # packet again. `_needed_bytes` is the size of the incomplete packet, or 0 if there is none.
        if self._partial_bytes >= self._needed_bytes:
            self._split(b"".join(self._partial) if len(self._partial) > 1 else data)
        return True

    def take_packets(self) -> list[Publish]:
        """Return the PUBLISH and PUBREL packets since the last call, in order."""
        burst, self.packets = self.packets, []
        return burst

    def write(self, data: bytes | bytearray) -> None:
        """Buffer `data` and send as much as the peer accepts. Raises OSError if the connection is lost."""
        self._out += data
        self.flush()

    def flush(self) -> None:
        """Send as much of the buffered output as the peer accepts. Raises OSError if the connection is lost."""
        while self._out:
            try:
                # If a WebSocket or TLS socket accepts nothing, the next call must begin with the same bytes. So `_out`
                # only grows at its end. Pass at most 64 KiB, because `bytes` copies the data, and a slow peer accepts
                # little at a time.
                sent = self._sock.send(bytes(self._out[:65_536]))
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self.error = self._alert() or error
                raise self.error from error
            if not sent:
                return
            del self._out[:sent]

    def _alert(self) -> ssl.SSLError | None:
        """Return the TLS alert with which the peer ended the connection, or None.

        If a broker does not accept the client certificate, it sends an alert and closes the connection. The error of a
        write does not contain the alert. Only a read returns it.
        """
        try:
            # Packets that arrived before the alert are added to `packets` as usual.
            self.read()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLEOFError):
            return None
        except ssl.SSLError as alert:
            return alert
        except (OSError, ProtocolViolation):
            return None
        return None

    @property
    def unsent_bytes(self) -> int:
        """Number of bytes that the peer has not accepted yet."""
        return len(self._out)

    @property
    def has_control_packets(self) -> bool:
        """True if there are packets that paho has not read yet."""
        return bool(self._for_paho)

    # -- methods for paho ------------------------------------------------------------------------------------------

    def recv(self, buffer_size: int) -> bytes:
        """Return up to `buffer_size` bytes of the packets for paho. Raises BlockingIOError if there are none."""
        if not self._for_paho:
            raise BlockingIOError
        data = bytes(self._for_paho[:buffer_size])
        del self._for_paho[:buffer_size]
        return data

    def send(self, buffer: bytes | bytearray) -> int:
        """Buffer a packet from paho, and send as much as the peer accepts. Return the size of the packet."""
        self.write(buffer)
        return len(buffer)

    # -- splitting -------------------------------------------------------------------------------------------------

    def _split(self, buffer: bytes) -> None:  # noqa: C901, PLR0912, PLR0915  the hot loop: a call per packet would double its cost
        position, end_of_buffer = 0, len(buffer)
        burst, version_5, max_message_bytes = self.packets, self._version_5, self._max_message_bytes
        needed = 0
        while position + 2 <= end_of_buffer:
            # Fixed header: the first byte, then the remaining length as a variable-length integer of 1 to 4 bytes.
            first, length, at = buffer[position], buffer[position + 1], position + 2
            if length > 127:
                length, shift = length & 127, 7
                while at < end_of_buffer:
                    byte = buffer[at]
                    at += 1
                    length |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                    if shift > 21:
                        raise ProtocolViolation(_MALFORMED_LENGTH)
                else:
                    break
            end = at + length
            kind = first & 0xF0
            if end > end_of_buffer:
                # The packet is incomplete. Cases:
                # 1. An oversized PUBLISH: wait for its head, and then skip its payload.
                # 2. An oversized control packet: this is a violation.
                # 3. Any other packet: wait until all its bytes have arrived.
                if length > max_message_bytes + MAX_HEAD_BYTES and kind == 0x30:
                    if end_of_buffer - at >= MAX_HEAD_BYTES + self._kept_bytes:
                        self._begin_oversized(buffer, first, at, end)
                        return
                    needed = at - position + MAX_HEAD_BYTES + self._kept_bytes
                elif kind != 0x30 and length > MAX_CONTROL_BYTES:
                    raise ProtocolViolation(f"a control packet of {length} bytes")
                else:
                    needed = end - position
                break
            if kind == 0x30:
                topic_end = at + 2 + (buffer[at] << 8 | buffer[at + 1]) if length > 1 else end + 1
                # A packet identifier follows the topic only with QoS 1 or 2 (bits 0x06 of the first byte).
                payload_at = topic_end + 2 if first & 0x06 else topic_end
                properties = b""
                if version_5:
                    if payload_at < end and buffer[payload_at]:
                        properties, payload_at = _properties(buffer, payload_at, end)
                    else:
                        payload_at += 1
                if payload_at > end or first & 0x06 == 0x06:
                    # The fields are longer than the packet, or the QoS is 3.
                    raise ProtocolViolation(_MALFORMED_PUBLISH)
                packet_id = buffer[topic_end : topic_end + 2] if first & 0x06 else b""
                size = end - payload_at
                # The packet is complete, but its payload may be oversized. Truncate an oversized payload.
                kept = size if size <= max_message_bytes else self._kept_bytes
                payload = buffer[payload_at : payload_at + kept]
                burst.append((first, buffer[at + 2 : topic_end], packet_id, properties, payload, size))
            elif first == PUBREL and length >= 2:
                burst.append((PUBREL, b"", buffer[at : at + 2], b"", b"", 0))
            else:
                if kind == 0x20:
                    # Also store the CONNACK for the connection: its length shows whether the broker supports MQTT 5.
                    self.connack = buffer[position:end]
                self._for_paho += buffer[position:end]
            position = end
        self._set_partial(buffer[position:], needed)

    def _set_partial(self, rest: bytes, needed: int) -> None:
        self._partial = [rest] if rest else []
        self._partial_bytes = len(rest)
        self._needed_bytes = needed

    def _begin_oversized(self, buffer: bytes, first: int, at: int, end: int) -> None:
        """Store the head of an oversized PUBLISH, and discard the rest as it arrives."""
        topic_end = at + 2 + int.from_bytes(buffer[at : at + 2])
        payload_at = topic_end + 2 if first & 0x06 else topic_end
        properties = b""
        if first & 0x06 == 0x06:
            raise ProtocolViolation(_MALFORMED_PUBLISH)
        if self._version_5:
            # If the properties extend beyond the buffer, they are omitted. The offset of the payload is still known.
            properties, payload_at = _properties(buffer, payload_at, end)
        packet_id = buffer[topic_end : topic_end + 2] if first & 0x06 else b""
        kept = buffer[payload_at : payload_at + self._kept_bytes]
        self._oversized = (first, buffer[at + 2 : topic_end], packet_id, properties, kept, end - payload_at)
        self._discard_bytes = end - len(buffer)
        self._set_partial(b"", 0)

    def _skip(self, data: bytes) -> bytes:
        skipped = min(self._discard_bytes, len(data))
        self._discard_bytes -= skipped
        if not self._discard_bytes and self._oversized:
            # The message is complete now. Do not add it earlier, because the bridge would acknowledge it too early.
            self.packets.append(self._oversized)
            self._oversized = None
        return data[skipped:]


def _properties(buffer: bytes, at: int, end: int) -> tuple[bytes, int]:
    """Return the bytes of the properties, and the offset after them. `at` is the offset of their length field.

    If the properties extend beyond the buffer, return b"" instead of the bytes. Raises ProtocolViolation if the
    properties extend beyond `end`, the end of the packet.
    """
    length = shift = 0
    while at < end:
        byte = buffer[at]
        at += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            if at + length > end:
                break
            return (buffer[at : at + length] if at + length <= len(buffer) else b""), at + length
        if shift > 21:
            raise ProtocolViolation(_MALFORMED_LENGTH)
    raise ProtocolViolation("properties longer than their packet")
