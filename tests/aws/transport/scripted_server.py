"""An HTTP server on 127.0.0.1 that does what its script says, connection by connection, with plain blocking sockets.

def script(connection):
    connection.read_request()
    connection.respond(b"{}")

with ScriptedServer(script) as server: … server.url … server.accepted
"""

import contextlib
import socket
import struct
import threading

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
SMALL_WINDOW_BYTES = 8192
"""Receive buffer of a server that reads slowly. The kernel doubles this size. No more bytes can leave the client."""


class Connection:
    def __init__(self, sock):
        self.socket = sock
        self.buffered = b""
        self._remaining = 0

    def read_head(self) -> bytes:
        """Return the head of a request. Raise ConnectionError at the end of the stream."""
        while b"\r\n\r\n" not in self.buffered:
            self._more()
        head, self.buffered = self.buffered.split(b"\r\n\r\n", 1)
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        self._remaining = int(lengths[0].split(b":")[1]) if lengths else 0
        return head

    def read_body(self, at_most=None) -> int:
        """Read and discard at most `at_most` bytes of the body, or all remaining bytes. Return their number."""
        wanted = min(self._remaining, self._remaining if at_most is None else at_most)
        while len(self.buffered) < wanted:
            self._more()
        self.buffered = self.buffered[wanted:]
        self._remaining -= wanted
        return wanted

    def read_request(self) -> bytes:
        head = self.read_head()
        self.read_body()
        return head

    def respond(self, body=b"{}", status=200, more=""):
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        self.socket.sendall(head.encode() + body)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.socket.close()

    def _more(self):
        if not (data := self.socket.recv(65536)):
            raise ConnectionError
        self.buffered += data


class ScriptedServer:
    def __init__(self, script, *, tls=None, window_bytes=None, host="127.0.0.1"):
        self._script = script
        self._tls = tls
        self.accepted = 0
        self._listener = socket.socket()
        if window_bytes:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window_bytes)
        self._listener.bind((host, 0))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}/"
        self._sockets = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        for sock in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)
        for sock in [self._listener, *self._sockets]:
            sock.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.accepted += 1
                self._sockets.append(sock)
                thread = threading.Thread(target=self._serve, args=(sock,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock):
        with contextlib.suppress(OSError):
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            with sock:
                self._script(Connection(sock))


def respond_always(connection):
    """Respond to every request."""
    while True:
        connection.read_request()
        connection.respond()
