"""Queries to the kernel about a TCP socket. Only Linux supports them. On other systems, the result is None."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import termios

_ZERO = bytes(4)
# Offset of `tcpi_min_rtt`, in microseconds, in `struct tcp_info` of linux/tcp.h; since Linux 4.6.
_MIN_RTT_OFFSET = 148
_MIN_RTT_END = _MIN_RTT_OFFSET + 4
_NOT_MEASURED = 0xFFFFFFFF

if sys.platform == "linux":

    def unacknowledged_bytes(descriptor: int) -> int | None:
        """Return the number of written bytes that the peer's TCP has not acknowledged (SIOCOUTQ in tcp(7))."""
        try:
            return int.from_bytes(fcntl.ioctl(descriptor, termios.TIOCOUTQ, _ZERO), sys.byteorder)
        except OSError:  # the socket is closed, or an emulation of Linux does not support the query
            return None

    def min_round_trip_secs(sock: socket.socket) -> float | None:
        """Return the shortest round trip in about the last five minutes (sysctl tcp_min_rtt_wlen)."""
        try:
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT_END)
        except OSError:
            return None
        if len(info) < _MIN_RTT_END:
            return None
        [microseconds] = struct.unpack_from("=I", info, _MIN_RTT_OFFSET)
        return microseconds / 1e6 if 0 < microseconds < _NOT_MEASURED else None

else:

    def unacknowledged_bytes(descriptor: int) -> int | None:  # noqa: ARG001 - as on Linux
        """Return None, because this system does not report the number."""
        return None

    def min_round_trip_secs(sock: socket.socket) -> float | None:  # noqa: ARG001 - as on Linux
        """Return None, because this system does not report the round trip."""
        return None
