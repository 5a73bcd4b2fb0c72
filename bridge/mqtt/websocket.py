"""WebSocket transport of MQTT: the HTTP upgrade, and frames in both directions.

paho's own transport is not used, for two reasons. It responds to a PING with an unmasked PONG, after which a server
must close the connection. It also does not report the HTTP status of a refused upgrade, and the code of a CLOSE.
Specification: https://www.rfc-editor.org/rfc/rfc6455 (sections 5.1, 5.5 and 7.4).
"""

from __future__ import annotations

import base64
import hashlib
import os
import struct
import time
from typing import TYPE_CHECKING, Final

from bridge.mqtt.byte_stream import ByteStream

if TYPE_CHECKING:
    from bridge.mqtt.byte_stream import SocketLike

_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
# Maximum size of the HTTP head in the response to the upgrade. Real servers send much less.
_MAX_RESPONSE_BYTES: Final = 65_536
# Maximum payload of a control frame (RFC 6455, section 5.5).
_MAX_CONTROL_BYTES: Final = 125
# If more bytes are unsent, a PING gets no PONG. The limit is larger than a frame that is being sent.
_MAX_UNSENT_BYTES: Final = 262_144
_SWITCHING_PROTOCOLS: Final = 101
# Codes of a CLOSE frame that explain nothing: normal closure, going away, no code.
_NO_REASON: Final = (1000, 1001, 1005)
_STATUS_HINTS: Final = {
    301: "use the URL of its Location header",
    302: "use the URL of its Location header",
    307: "use the URL of its Location header",
    308: "use the URL of its Location header",
    400: "the server does not accept this upgrade; check that mqtt.url is an MQTT WebSocket listener",
    401: "the server in front of the broker requires credentials",
    403: "the server in front of the broker does not permit the connection",
    404: "check the path in mqtt.url (usually /mqtt)",
    502: "the proxy cannot reach the broker",
    503: "the proxy cannot reach the broker",
    504: "the proxy cannot reach the broker",
}


class UpgradeRefused(ConnectionError):
    """The server has refused the upgrade: the HTTP status of the response is not 101."""


class WebSocketClosed(OSError):
    """The server has sent a CLOSE frame. `explained` is True if the code of the frame shows a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the server closed the WebSocket, code {code}" + (f": {reason}" if reason else ""))
        self.explained = code not in _NO_REASON


class WebSocket(ByteStream):
    """Connected WebSocket with the methods of a non-blocking socket, which read and write the payloads of frames."""

    def __init__(self, sock: SocketLike, host: str, path: str, *, timeout_secs: float) -> None:
        """Upgrade a connected socket. `host` is the Host header. Raises OSError, for example after `timeout_secs`."""
        self._sock = sock
        self._in = bytearray()
        # Number of payload bytes of the current frame that were not read yet.
        self._frame_left = 0
        self._mask = b""
        self._mask_at = 0
        # Unsent bytes of frames. `_accepted` is the number of bytes that the caller of `send` passed for these frames.
        self._out = bytearray()
        self._accepted = 0
        self._closed: WebSocketClosed | None = None
        # True while `_in` may contain payload that `recv` has not returned yet.
        self._readable = False
        self._upgrade(host, path, time.monotonic() + timeout_secs)

    # -- the upgrade -----------------------------------------------------------------------------------------------

    def _upgrade(self, host: str, path: str, deadline: float) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: mqtt",
        )
        request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        while request:
            request = request[self._sock.send(request) :]
        status, headers = _parsed(self._response_head(deadline))
        if status != _SWITCHING_PROTOCOLS:
            hint = _STATUS_HINTS.get(status, "")
            raise UpgradeRefused(f"the WebSocket upgrade was refused: HTTP {status}" + (f"; {hint}" if hint else ""))
        # The key in the response proves that the server supports WebSocket (RFC 6455, section 1.3).
        wanted = base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()).decode()
        if headers.get("sec-websocket-accept") != wanted:
            raise ConnectionError("the WebSocket upgrade failed: the response has a wrong Sec-WebSocket-Accept")

    def _response_head(self, deadline: float) -> bytes:
        while (end := self._in.find(b"\r\n\r\n")) < 0:
            if len(self._in) > _MAX_RESPONSE_BYTES or time.monotonic() > deadline:
                raise ConnectionError("the WebSocket upgrade failed: no complete HTTP response")
            data = self._sock.recv(4096)
            if not data:
                raise ConnectionError("the WebSocket upgrade failed: the server closed the connection")
            self._in += data
        head = bytes(self._in[:end])
        del self._in[: end + 4]
        return head

    # -- receiving -------------------------------------------------------------------------------------------------

    def recv(self, buffer_size: int) -> bytes:
        """Return up to `buffer_size` payload bytes, or b"" after the end of the stream.

        Raises BlockingIOError if no payload has arrived, WebSocketClosed after a CLOSE frame, and other OSErrors.
        """
        if self._closed is not None:
            raise self._closed
        data = self._payload(buffer_size)
        if not data and self._closed is None:
            self._readable = False
            block = self._sock.recv(buffer_size)
            if not block:
                return b""
            self._in += block
            data = self._payload(buffer_size)
        if data:
            self._readable = True
            return data
        if self._closed is not None:
            raise self._closed
        raise BlockingIOError

    def _payload(self, size: int) -> bytes:
        """Return payload bytes that have arrived, and handle the control frames between them."""
        found = bytearray()
        while len(found) < size and self._closed is None:
            if self._frame_left:
                part = bytes(self._in[: min(self._frame_left, size - len(found))])
                if not part:
                    break
                del self._in[: len(part)]
                self._frame_left -= len(part)
                found += self._unmasked(part)
            elif not self._begin_frame():
                break
        return bytes(found)

    def _begin_frame(self) -> bool:
        """Read the header of a frame. If it is a control frame, handle it. Return False if the data is incomplete."""
        buffer = self._in
        if len(buffer) < 2:  # noqa: PLR2004  size of the shortest header
            return False
        opcode, length, at = buffer[0] & 0x0F, buffer[1] & 0x7F, 2
        masked = buffer[1] & 0x80
        extended = {126: 2, 127: 8}.get(length, 0)
        end = at + extended + (4 if masked else 0)
        if len(buffer) < end:
            return False
        if extended:
            length = int.from_bytes(buffer[at : at + extended])
        mask = bytes(buffer[end - 4 : end]) if masked else b""
        if opcode in (_CONTINUATION, _BINARY):
            del buffer[:end]
            self._frame_left, self._mask, self._mask_at = length, mask, 0
            return True
        if opcode not in (_CLOSE, _PING, _PONG) or length > _MAX_CONTROL_BYTES:
            raise ConnectionError(f"the server sent a WebSocket frame that MQTT does not permit (opcode {opcode:#x})")
        if len(buffer) < end + length:
            return False
        payload = bytes(buffer[end : end + length])
        del buffer[: end + length]
        self._on_control(opcode, _masked(payload, mask) if mask else payload)
        return True

    def _unmasked(self, part: bytes) -> bytes:
        # A server must not mask its frames, but masked frames are accepted.
        if not self._mask:
            return part
        turn = self._mask_at % 4
        self._mask_at += len(part)
        return _masked(part, self._mask[turn:] + self._mask[:turn])

    def _on_control(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            # If a server sends PINGs but reads nothing, the PONGs would fill the memory. RFC 6455, section 5.5.3,
            # allows the client to omit some of them.
            if len(self._out) < _MAX_UNSENT_BYTES:
                self._send_control(_PONG, payload)
        elif opcode == _CLOSE:
            code = int.from_bytes(payload[:2]) if len(payload) > 1 else 1005
            self._closed = WebSocketClosed(code, payload[2:].decode("utf-8", "replace"))
            # The response to a CLOSE is a CLOSE with the same code (RFC 6455, section 5.5.1).
            self._send_control(_CLOSE, payload[:2])

    # -- sending ---------------------------------------------------------------------------------------------------

    def send(self, buffer: bytes | bytearray) -> int:
        """Send `buffer` as one frame, and return the number of its bytes that were sent.

        Raises BlockingIOError if only a part of the frame could be sent. The next call must then begin with the same
        bytes. Further bytes may follow them.
        """
        self._flush()
        if not self._accepted:
            self._out += _frame(_BINARY, bytes(buffer))
            self._accepted = len(buffer)
            self._flush()
        accepted, self._accepted = self._accepted, 0
        return accepted

    def _flush(self) -> None:
        while self._out:
            sent = self._sock.send(bytes(self._out))
            if not sent:
                raise BlockingIOError
            del self._out[:sent]

    def _send_control(self, opcode: int, payload: bytes) -> None:
        self._out += _frame(opcode, payload)
        try:
            self._flush()
        except OSError:
            # The remaining bytes are sent with the next frame. If the connection is broken, the next read or write
            # raises the error.
            return

    # -- the socket ------------------------------------------------------------------------------------------------

    def pending(self) -> int:
        """Return the number of bytes that have arrived, but that `poll` on the file descriptor does not detect."""
        return (len(self._in) + (self._closed is not None)) * self._readable + super().pending()


def _frame(opcode: int, payload: bytes) -> bytes:
    length = len(payload)
    if length <= _MAX_CONTROL_BYTES:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
    # A client must mask each frame with a new random key (RFC 6455, section 5.3).
    mask = os.urandom(4)
    return head + mask + _masked(payload, mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    # One XOR of two large integers is 50 times faster than one XOR per byte.
    length = len(payload)
    repeated = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(length)


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    """Return the status and the headers, with names in lower case. Raises ConnectionError if `head` is not HTTP."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/") or not status.isdigit():
        raise ConnectionError(f"the WebSocket upgrade failed: the response is not HTTP but {first[:60]!r}")
    pairs = (line.partition(":") for line in lines)
    return int(status), {name.strip().lower(): value.strip() for name, _, value in pairs}
