"""A real mosquitto broker on 127.0.0.1 for one test.

    with Mosquitto(persistence=True) as broker:
        ...  # broker.port; broker.kill(); broker.start()

Passwords and client certificates apply to every listener. The test does not use `per_listener_settings`, because with
it mosquitto 2.0.12 and newer do not queue messages for absent clients. mosquitto 2.0 has no option to refuse MQTT 5.
With `refuses_mqtt5`, a proxy before the broker responds to an MQTT 5 CONNECT like a 3.1.1 broker, and `port` is its
port.
https://mosquitto.org/man/mosquitto-conf-5.html
"""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.harness.certificates import Authority
from tests.harness.network import free_port, wait_for_port
from tests.harness.proxy import Proxy

INSTALL = "the tests need the mosquitto broker: apt-get install mosquitto mosquitto-clients"
CONNECT_REFUSED_PROTOCOL = b"\x20\x02\x00\x01"
"""CONNACK "unacceptable protocol version": MQTT 3.1.1, section 3.2.2.3."""


def executable(name: str) -> str:
    """Return the path of a program. Search /usr/sbin too: Debian installs mosquitto there, but PATH may not have it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert found, f"{name} is missing; {INSTALL}"
    return found


def refuse_mqtt5(first: bytes) -> bytes | None:
    """Return the response of a 3.1.1 broker to an MQTT 5 CONNECT, or None for any other packet."""
    at = first.find(b"\x00\x04MQTT")
    return CONNECT_REFUSED_PROTOCOL if first[:1] == b"\x10" and at > 0 and first[at + 6 : at + 7] == b"\x05" else None


class Mosquitto:
    """A mosquitto process. `users` maps names to passwords. Ports of listeners that do not exist are None."""

    def __init__(
        self,
        *,
        persistence: bool = False,
        users: dict[str, str] | None = None,
        authority: Authority | None = None,
        client_certificates: bool = False,
        websockets: bool = False,
        refuses_mqtt5: bool = False,
        max_inflight_messages: int = 0,
        max_queued_messages: int = 0,
        settings: str = "",
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mosquitto-")
        self.folder = Path(self._folder.name)
        self.log_file = self.folder / "mosquitto.log"
        self._process: subprocess.Popen | None = None
        self._port = free_port()
        self.tls_port = free_port() if authority else None
        self.websocket_port = free_port() if websockets else None
        self.websocket_tls_port = free_port() if websockets and authority else None
        self._proxy = Proxy(self._port, answer=refuse_mqtt5) if refuses_mqtt5 else None
        lines = [
            *(["user root"] if os.geteuid() == 0 else []),
            f"max_inflight_messages {max_inflight_messages}",
            f"max_queued_messages {max_queued_messages}",
            "set_tcp_nodelay true",
            *self._persistence(persistence),
            *self._authentication(users),
            *self._listeners(authority, client_certificates),
            settings,
        ]
        self._config_file = self.folder / "mosquitto.conf"
        self._config_file.write_text("\n".join(lines) + "\n")

    def _persistence(self, persistence):
        if not persistence:
            return ["persistence false"]
        # Without an autosave every second, a SIGKILL loses the sessions.
        return ["persistence true", f"persistence_location {self.folder}/", "autosave_interval 1"]

    def _authentication(self, users):
        if not users:
            return ["allow_anonymous true"]
        passwords = self.folder / "passwords"
        passwords.touch(mode=0o600)
        for name, password in users.items():
            subprocess.run([executable("mosquitto_passwd"), "-b", passwords, name, password], check=True)
        return ["allow_anonymous false", f"password_file {passwords}"]

    def _listeners(self, authority, client_certificates):
        secure = []
        if authority:
            certificate, key = authority.server()
            secure = [f"cafile {authority.ca_file}", f"certfile {certificate}", f"keyfile {key}"]
            secure += [f"require_certificate {str(client_certificates).lower()}"]
        yield f"listener {self._port} 127.0.0.1"
        if self.tls_port:
            yield from (f"listener {self.tls_port} 127.0.0.1", *secure)
        if self.websocket_port:
            yield from (f"listener {self.websocket_port} 127.0.0.1", "protocol websockets")
        if self.websocket_tls_port:
            yield from (f"listener {self.websocket_tls_port} 127.0.0.1", "protocol websockets", *secure)

    @property
    def port(self) -> int:
        return self._proxy.port if self._proxy else self._port

    @property
    def pid(self) -> int:
        return self._running().pid

    def __enter__(self):
        if self._proxy:
            self._proxy.__enter__()
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process:
            self.kill()
        if self._proxy:
            self._proxy.__exit__()
        self._folder.cleanup()

    def start(self) -> None:
        """Start the broker, always on the same ports, and wait until every listener accepts connections."""
        assert not self._process, "mosquitto is running already"
        with self.log_file.open("ab") as log:
            command: list[str | Path] = [executable("mosquitto"), "-c", self._config_file]
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self._process = process
        try:
            for port in filter(None, (self._port, self.tls_port, self.websocket_port, self.websocket_tls_port)):
                wait_for_port(port, still_alive=lambda: process.poll() is None)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.log()}") from error

    def stop(self) -> None:
        """Stop the broker by SIGTERM. It sends no DISCONNECT to clients, but saves sessions if persistence is on."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the broker by SIGKILL. Unsaved data is lost."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """Pause the broker by SIGSTOP: connections stay open, but the broker does not respond."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def log(self) -> str:
        return self.log_file.read_text()

    def _running(self):
        assert self._process, "mosquitto is not running"
        return self._process

    def _end(self, number):
        process = self._running()
        process.send_signal(number)
        if number != signal.SIGKILL:
            process.send_signal(signal.SIGCONT)  # a paused broker handles the signal only after SIGCONT
        process.wait(20)
        self._process = None
