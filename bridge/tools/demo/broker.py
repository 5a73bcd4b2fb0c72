"""A broker on this machine: mosquitto if there is one, else the embedded amqtt."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
START_SECS = 10.0
_ATTEMPTS = 5
_CONNECT, _CONNACK = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05begin", b"\x20"
"""MQTT 3.1.1, a clean session of the client id "begin": https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/, section 3.1."""


class Broker(Protocol):
    """A running broker."""

    name: str
    protocol: str
    port: int

    def stop(self) -> None:
        """End it and wait until it has gone."""
        ...

    def kill(self) -> None:
        """End it now, and wait for nothing."""
        ...


def find_mosquitto() -> str | None:
    """The program; Debian keeps it in /usr/sbin, which is not on every user's PATH."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")


def start_broker(folder: Path, mosquitto: str | None) -> Broker:
    """A broker on a free port of loopback; `folder` is for its files. Raises BridgeError if none can be started.

    Without a `mosquitto` program, or with one that does not start, it is the embedded one.
    """
    problem = ""
    for program in (mosquitto, None) if mosquitto else (None,):
        for _ in range(_ATTEMPTS):
            # Between choosing a port and listening on it another program may take it: then another port is tried.
            try:
                return Mosquitto(program, folder, free_port()) if program else AmqttBroker(free_port())
            except OSError as error:
                problem = str(error)
    raise BridgeError(f"the demo's broker does not start: {problem}")


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(port: int, alive: threading.Event | subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECS
    pause = threading.Event()
    while time.monotonic() < deadline:
        answers = _speaks_mqtt(port)
        pause.wait(0.1)  # a broker that did not get its port is gone by now, most likely
        if alive.is_set() if isinstance(alive, threading.Event) else alive.poll() is not None:
            raise OSError(f"it ended at once; is port {port} taken?")
        if answers:
            return
    raise OSError(f"nothing listens on port {port} after {START_SECS:g} s")


def _speaks_mqtt(port: int) -> bool:
    """Whoever holds a taken port takes connections as well; a broker answers CONNECT with CONNACK."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(_CONNECT)
            return connection.recv(1) == _CONNACK
    except OSError:
        return False


class Mosquitto:
    """The real thing, as a child process."""

    name = "mosquitto"
    protocol = "5"

    def __init__(self, program: str, folder: Path, port: int) -> None:
        self.port = port
        configuration = folder / "mosquitto.conf"
        configuration.write_text(
            f"listener {port} {HOST}\nallow_anonymous true\npersistence false\n"
            "max_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\n",
            encoding="utf-8",
        )
        self._process = subprocess.Popen(  # noqa: S603 - the program found on the PATH, with our own file
            [program, "-c", str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the demo, which stops its parts in order
        )
        try:
            _wait_for(port, self._process)
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Terminate, and kill what does not end."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()


class AmqttBroker:
    """amqtt in a thread with a loop of its own. MQTT 3.1.1 only, and fit for a demo, not for production."""

    name = "amqtt (embedded)"
    protocol = "3.1.1"

    def __init__(self, port: int) -> None:
        """Raises BridgeError if amqtt is not installed."""
        for name in ("amqtt", "transitions", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            from amqtt.broker import Broker as Amqtt  # noqa: PLC0415 - only where there is no mosquitto
        except ImportError as error:
            raise BridgeError("there is no mosquitto, and no amqtt either: pip install 'mqtt-kinesis[demo]'") from error
        self._make: Any = Amqtt
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._ended = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="amqtt", daemon=True)
        self._thread.start()
        _wait_for(port, self._ended)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:  # noqa: BLE001 - whatever it was, _wait_for says that there is no broker
            logging.getLogger(__name__).debug("amqtt: %s", error)
        finally:
            self._ended.set()

    async def _serve(self) -> None:
        broker = self._make(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{self.port}"}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            }
        )
        self._stop = asyncio.Event()
        await broker.start()
        await self._stop.wait()
        await broker.shutdown()

    def stop(self) -> None:
        """Shut down and wait for the thread."""
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def kill(self) -> None:
        """A thread ends with its process."""
