"""Base class of the MQTT brokers, which run on 127.0.0.1."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.harness import mqtt_frames
from tests.harness.certificates import Authority
from tests.harness.network import free_port, wait_for_port

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "brokers"
SERVERS = Path(__file__).resolve().parent / "servers"


RESPONSE_SECS = 20.0
SECRET = "acl/secret"
"""Clients may not use topics below this one if the broker has `acl`."""


class Broker:
    """A broker.

    stores     it stores sessions on disk
    loses      it loses messages without a fault
    acl        it denies topics below SECRET
    tls        it also listens on `tls_port`, with a certificate of `ca_file`
    username   user name that it requires, with any password
    """

    name = ""
    stores = loses = False
    start_secs = 30.0
    has_acl = has_tls = has_websocket = True
    tls_scheme = "mqtts"
    username: str | None = None

    def __init__(self, *, acl: bool = False, tls: bool = False) -> None:
        self.acl, self.tls = acl, tls
        self._temporary = tempfile.TemporaryDirectory(prefix=f"{self.name}-")
        self.folder = Path(self._temporary.name)
        self.port, self.websocket_port, self.tls_port = free_port(), free_port(), free_port()
        authority = Authority(self.folder / "authority")
        self.ca_file = authority.ca_file
        self.cert_file, self.key_file = authority.server()
        self._process: subprocess.Popen | None = None

    @classmethod
    def program(cls) -> str | None:
        """Return the path of the program; None if it is not installed."""
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)
        self._temporary.cleanup()

    def start(self) -> None:
        log = (self.folder / "log").open("ab")
        process = self._process = subprocess.Popen(
            self.command(), stdout=log, stderr=log, env={**os.environ, **self.environment()}, start_new_session=True
        )
        ports = {self.port} | ({self.websocket_port} if self.has_websocket else set())
        for port in ports | ({self.tls_port} if self.tls and self.has_tls else set()):
            wait_for_port(port, timeout_secs=self.start_secs, still_alive=lambda: process.poll() is None)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the broker and its child processes, and wait until they have ended."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, number)
            process.wait(30)

    def responds(self) -> bool:
        """Return whether the broker still accepts a session of another client."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=RESPONSE_SECS) as connection:
                connection.settimeout(RESPONSE_SECS)
                connection.sendall(mqtt_frames.connect("probe", self.username, SECRET))
                return connection.recv(4)[:1] == b"\x20"  # CONNACK
        except OSError:
            return False

    def restart(self) -> None:
        self.stop()
        self.start()


def found_program(*names: str) -> str | None:
    # The program of amqtt is in the folder of this Python.
    places = [str(BUILD / "bin"), os.environ.get("PATH", ""), "/usr/sbin", str(Path(sys.executable).parent)]
    path = os.pathsep.join(places)
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def server_arguments(broker: Broker) -> list[str]:
    """Return the arguments of the programs in `servers/`: three ports, certificate, key, and the denied topic."""
    ports = (broker.port, broker.websocket_port, broker.tls_port)
    return [*map(str, ports), str(broker.cert_file), str(broker.key_file), SECRET if broker.acl else ""]
