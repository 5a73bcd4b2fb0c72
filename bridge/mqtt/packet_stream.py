"""Parser that extracts PUBLISH and PUBREL packets from the byte stream before paho reads it.

A `PacketStream` replaces the socket that paho expects, on top of TCP, TLS or `WebSocket`. It reads large blocks and
splits them into MQTT control packets. PUBLISH and PUBREL are stored for the caller's burst. Every other packet
(CONNACK, SUBACK, PINGRESP, DISCONNECT, ...) is passed to paho. In the complete bridge, paho's own parser needs 15 to 20
µs per message, and this parser about 1.5 µs.

The bridge also handles QoS 2 itself, to lose no message. paho sends PUBREC as soon as it has a message in memory, so a
message that arrives just before a crash is lost. The bridge sends PUBREC after the spool's commit, like PUBACK.

All output, the bridge's and paho's, passes through one buffer. So packets never interleave, and a peer that does not
read never blocks the thread. Format: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901021
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from bridge.mqtt.wrapped_socket import WrappedSocket

if TYPE_CHECKING:
    from bridge.mqtt.wrapped_socket import SocketLike

READ_BYTES = 262_144
# The kernel's receive buffer has about this size, so one read empties it.
"""Maximum number of bytes per read from the socket."""
KEPT_OF_OVERSIZED_BYTES = 65_536
"""Number of bytes stored of an oversized payload, for its dead letter."""
MAX_HEAD_BYTES = 2 * 65_535 + 65_536
"""Maximum size of the topic, the packet identifier and the stored properties of an oversized PUBLISH."""
MAX_CONTROL_BYTES = 1_048_576
"""Maximum size of any packet but PUBLISH. A larger one means that the broker is faulty."""

PUBREL = 0x62
PUBACK, PUBREC, PUBCOMP = b"\x40\x02", b"\x50\x02", b"\x70\x02"
"""Acknowledgement packets up to the packet identifier. MQTT 5 permits omitting a reason code of 0: section 3.4.2.1."""
# First bytes of servers that are no MQTT broker: of HTTP, and a TLS alert. No MQTT packet from a broker begins so.
_OTHER_PROTOCOLS = (b"HTTP/", b"\x15\x03")
_MALFORMED_LENGTH = "a length of more than four bytes"
_MALFORMED_PUBLISH = "a malformed PUBLISH"

Publish = tuple[int, bytes, bytes, bytes, bytes, int]
"""Tuple of first byte, topic, packet identifier (two bytes; b"" at QoS 0), properties, payload, payload length.

The length always counts the complete payload, even if only its beginning is stored. A PUBREL has only the first byte
and the packet identifier.
"""


class ProtocolViolation(Exception):
    """The peer violated the MQTT protocol; the connection must be closed."""


class PacketStream(WrappedSocket):
    """Byte stream of one connection. Not thread-safe: only the ingest thread uses it, including the calls by paho."""

    def __init__(self, sock: SocketLike, *, version_5: bool, max_message_bytes: int) -> None:
        self._sock = sock
        self._version_5 = version_5
        self._max_message_bytes = max_message_bytes
        self._kept_bytes = min(KEPT_OF_OVERSIZED_BYTES, max_message_bytes)
        self._partial: list[bytes] = []
        self._held_bytes = 0
        self._wanted_bytes = 0
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

    # -- what the subscriber calls ---------------------------------------------------------------------------------

    def read(self) -> bool:
        """Read once from the socket and return whether more may be available. Raises OSError or ProtocolViolation."""
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
        self._held_bytes += len(data)
        # The parts are joined only when a packet is complete. Joining at each read would copy a large packet many
        # times. `_wanted_bytes` is 0 unless a packet is known to be incomplete, so a usual read is split at once.
        if self._held_bytes >= self._wanted_bytes:
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
        """Send the buffered output, as much as the peer accepts. Raises OSError if the connection is lost."""
        while self._out:
            try:
                # A WebSocket or TLS socket that accepted nothing must get the same bytes again. So `_out` grows only at
                # its end, and each call sends from its beginning. Only a part of the buffer is passed, because `bytes`
                # copies it and a slow peer accepts little at a time.
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

        A broker that does not accept the client certificate sends an alert and closes. A write then fails without the
        reason, which only a read returns.
        """
        # The read may also return data, which stays in `packets` for the caller.
        try:
            # Packets that arrived before the end are stored as usual.
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
        """True while there are packets for paho to read."""
        return bool(self._for_paho)

    # -- what paho calls -------------------------------------------------------------------------------------------

    def recv(self, buffer_size: int) -> bytes:
        """Return up to `buffer_size` bytes of complete packets for paho. Raises BlockingIOError if there are none."""
        if not self._for_paho:
            raise BlockingIOError
        data = bytes(self._for_paho[:buffer_size])
        del self._for_paho[:buffer_size]
        return data

    def send(self, buffer: bytes | bytearray) -> int:
        """Buffer and send a packet of paho. All bytes are always accepted."""
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
                # 1. An oversized PUBLISH is skipped once its head is complete.
                # 2. An oversized control packet is a violation.
                # 3. Any other packet waits until all its bytes have arrived.
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
                # This happens if the packet of an oversized payload is already complete.
                kept = size if size <= max_message_bytes else self._kept_bytes
                payload = buffer[payload_at : payload_at + kept]
                burst.append((first, buffer[at + 2 : topic_end], packet_id, properties, payload, size))
            elif first == PUBREL and length >= 2:
                burst.append((PUBREL, b"", buffer[at : at + 2], b"", b"", 0))
            else:
                if kind == 0x20:
                    # The CONNACK is copied, because its length shows whether the broker supports MQTT 5.
                    self.connack = buffer[position:end]
                self._for_paho += buffer[position:end]
            position = end
        self._hold_partial(buffer[position:], needed)

    def _hold_partial(self, rest: bytes, needed: int) -> None:
        self._partial = [rest] if rest else []
        self._held_bytes = len(rest)
        self._wanted_bytes = needed

    def _begin_oversized(self, buffer: bytes, first: int, at: int, end: int) -> None:
        """Store the head of an oversized PUBLISH, and discard the rest as it arrives."""
        topic_end = at + 2 + int.from_bytes(buffer[at : at + 2])
        payload_at = topic_end + 2 if first & 0x06 else topic_end
        properties = b""
        if first & 0x06 == 0x06:
            raise ProtocolViolation(_MALFORMED_PUBLISH)
        if self._version_5:
            # Properties that extend beyond the buffer are omitted. Their length still gives the payload's offset.
            properties, payload_at = _properties(buffer, payload_at, end)
        packet_id = buffer[topic_end : topic_end + 2] if first & 0x06 else b""
        kept = buffer[payload_at : payload_at + self._kept_bytes]
        self._oversized = (first, buffer[at + 2 : topic_end], packet_id, properties, kept, end - payload_at)
        self._discard_bytes = end - len(buffer)
        self._hold_partial(b"", 0)

    def _skip(self, data: bytes) -> bytes:
        skipped = min(self._discard_bytes, len(data))
        self._discard_bytes -= skipped
        if not self._discard_bytes and self._oversized:
            # The message is complete only now, so it must not be acknowledged before.
            self.packets.append(self._oversized)
            self._oversized = None
        return data[skipped:]


def _properties(buffer: bytes, at: int, end: int) -> tuple[bytes, int]:
    """Return the property bytes whose length is at offset `at`, and the offset after them.

    The bytes are b"" if they extend beyond the buffer. Raises ProtocolViolation if they extend beyond `end`.
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
