"""Stand-in for systemd: the socket to which a service reports its state (sd_notify)."""

import socket
import time

LONGEST_SECS = 30


class ServiceManager:
    """Service manager that receives reports of states. A service needs the variables in `environment`."""

    def __init__(self, address):
        self.environment = {"NOTIFY_SOCKET": address.replace("\0", "@"), "WATCHDOG_USEC": "30000000"}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(LONGEST_SECS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def next(self):
        """Return the next datagram. Raise TimeoutError after LONGEST_SECS."""
        return self._socket.recv(65_536).decode()

    def until(self, wanted):
        """Return the next datagram that begins with `wanted`. Raise AssertionError after LONGEST_SECS."""
        deadline, heard = time.monotonic() + LONGEST_SECS, []
        while time.monotonic() < deadline:
            heard.append(self.next())
            if heard[-1].startswith(wanted):
                return heard[-1]
        raise AssertionError(f"not told within {LONGEST_SECS} s: {wanted!r}; told was {heard}")

    def waiting(self):
        """Return all datagrams that have arrived, without waiting."""
        found = []
        self._socket.setblocking(False)
        try:
            while True:
                found.append(self.next())
        except BlockingIOError:
            return found
        finally:
            self._socket.settimeout(LONGEST_SECS)
