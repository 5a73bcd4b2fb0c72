"""A proxy that requires a login, opens tunnels by CONNECT, and forwards all other requests to one server."""

import socket
import threading
from base64 import b64encode

from tests.aws.transport.scripted_server import ScriptedServer

LOGIN = "plant:secret"


def connect_proxy(seen, *, tls=None, forward_to=None, window_bytes=None, on_read=lambda: None):
    """A ScriptedServer; `seen` receives the head of each request to the proxy. `on_read` is called for each 8 KiB or
    less that came from the client."""

    def script(connection):
        head = connection.read_head()
        seen.append(head.decode())
        if b64encode(LOGIN.encode()) not in head:
            connection.socket.sendall(b"HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n")
            return
        if head.startswith(b"CONNECT "):
            host, port = head.split()[1].decode().split(":")
            connection.socket.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            first = b""
        else:
            host, port = "127.0.0.1", forward_to
            first = head + b"\r\n\r\n" + connection.buffered
        with socket.create_connection((host, int(port))) as server:
            server.sendall(first)
            back = threading.Thread(target=pump, args=(server, connection.socket))
            back.start()
            pump(connection.socket, server, 8192, on_read)
            back.join()

    return ScriptedServer(script, tls=tls, window_bytes=window_bytes)


def pump(source, target, at_most=65536, on_read=lambda: None):
    try:
        while data := source.recv(at_most):
            on_read()
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
