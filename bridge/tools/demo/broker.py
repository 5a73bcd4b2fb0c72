"""Local broker: mosquitto if it is installed, else the embedded amqtt."""

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
# CONNECT of MQTT 3.1.1 with a clean session and the client id "begin", and the first byte of CONNACK.
# https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/, section 3.1
_CONNECT, _CONNACK = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05begin", b"\x20"


class Broker(Protocol):
    """Running broker."""

    name: str
    protocol: str
    port: int

    def stop(self) -> None:
        """Stop the broker and wait for its end."""
        ...

    def kill(self) -> None:
        """Stop the broker at once, without waiting."""
        ...


def find_mosquitto() -> str | None:
    """Return the path of the program, None if missing. Debian has it in /usr/sbin, which not every PATH contains."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")


def start_broker(folder: Path, mosquitto: str | None) -> Broker:
    """Start a broker on a free loopback port; `folder` is for its files. Raise BridgeError if none can be started.

    Without a `mosquitto` program, or with one that does not start, the embedded broker is used.
    """
    problem = ""
    for program in (mosquitto, None) if mosquitto else (None,):
        for _ in range(_ATTEMPTS):
            # Another program may bind the port before the broker does. In that case, try another port.
            try:
                return Mosquitto(program, folder, free_port()) if program else AmqttBroker(free_port())
            except OSError as error:
                problem = str(error)
    raise BridgeError(f"the demo's broker does not start: {problem}")


def free_port() -> int:
    """Return a loopback port on which no program listens now."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(port: int, alive: threading.Event | subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECS
    pause = threading.Event()
    while time.monotonic() < deadline:
        answers = _speaks_mqtt(port)
        pause.wait(0.1)  # a broker without its port has most likely ended by now
        if alive.is_set() if isinstance(alive, threading.Event) else alive.poll() is not None:
            raise OSError(f"it ended at once; is port {port} taken?")
        if answers:
            return
    raise OSError(f"nothing listens on port {port} after {START_SECS:g} s")


def _speaks_mqtt(port: int) -> bool:
    """Return whether an MQTT broker listens: it sends CONNACK. Other programs on the port accept connections too."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(_CONNECT)
            return connection.recv(1) == _CONNACK
    except OSError:
        return False


class Mosquitto:
    """Mosquitto as a child process."""

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
        """Terminate the process, and kill it if it does not end."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """Kill the process by SIGKILL."""
        self._process.kill()


class AmqttBroker:
    """Embedded amqtt, in a thread with its own event loop. MQTT 3.1.1 only; suitable for a demo, not for production."""

    name = "amqtt (embedded)"
    protocol = "3.1.1"

    def __init__(self, port: int) -> None:
        """Start the broker. Raise BridgeError if amqtt is not installed."""
        # These libraries log each connection, which would hide the output of the demo.
        for name in ("amqtt", "transitions", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            from amqtt.broker import Broker as Amqtt  # noqa: PLC0415 - only where there is no mosquitto
        except ImportError as error:
            raise BridgeError("there is no mosquitto, and no amqtt either: pip install 'mqtt-kinesis[demo]'") from error
        self._make: Any = Amqtt
        self.port = port
        self._ended = threading.Event()
        self._stopping: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._thread = threading.Thread(target=self._run, name="amqtt", daemon=True)
        self._thread.start()
        _wait_for(port, self._ended)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - after any error _wait_for reports that there is no broker
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
        stop = asyncio.Event()
        await broker.start()
        self._stopping = asyncio.get_running_loop(), stop
        await stop.wait()
        self._stopping = None
        await broker.shutdown()

    def stop(self) -> None:
        """Shut the broker down and wait for its thread."""
        if self._stopping is not None:
            loop, stop = self._stopping
            loop.call_soon_threadsafe(stop.set)
        self._thread.join(5)

    def kill(self) -> None:
        """Do nothing: the daemon thread ends with the process."""
