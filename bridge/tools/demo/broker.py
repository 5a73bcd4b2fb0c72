"""Local broker of the demo: mosquitto if it is installed, otherwise the embedded amqtt."""

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
# Number of attempts to start a broker. Each attempt uses another port.
_ATTEMPTS = 5
# A CONNECT packet of MQTT 3.1.1 with a clean session and the client ID "begin", and the first byte of a CONNACK packet.
# https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/, section 3.1
_CONNECT, _CONNACK = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05begin", b"\x20"


class Broker(Protocol):
    """Running broker. `protocol` is the newest MQTT version that it supports: "5" or "3.1.1"."""

    name: str
    protocol: str
    port: int

    def stop(self) -> None:
        """Stop the broker and wait until it has ended."""
        ...

    def kill(self) -> None:
        """Stop the broker without waiting. A signal handler calls this method."""
        ...


def find_mosquitto() -> str | None:
    """Return the path of mosquitto, or None if it is not installed."""
    # Debian installs mosquitto in /usr/sbin, which is missing in the PATH of many users.
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")


def start_broker(folder: Path, mosquitto: str | None) -> Broker:
    """Start a broker on a free loopback port. The broker stores its files in `folder`.

    Use the embedded broker if `mosquitto` is None, or if that program does not start. Raise BridgeError if no broker
    starts.
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
        # A broker that could not bind the port ends within this pause. In that case, the response came from another
        # broker on the port, and does not count.
        pause.wait(0.1)
        if alive.is_set() if isinstance(alive, threading.Event) else alive.poll() is not None:
            raise OSError(f"the broker ended at once; does another program use port {port}?")
        if answers:
            return
    raise OSError(f"nothing listens on port {port} after {START_SECS:g} s")


def _speaks_mqtt(port: int) -> bool:
    """Return whether an MQTT broker listens on the port.

    Any program could accept a connection on the port, but only a broker responds with CONNACK.
    """
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
        # A limit of 0 means no limit. With its default limits, mosquitto drops messages if the bridge is slow.
        configuration.write_text(
            f"listener {port} {HOST}\nallow_anonymous true\npersistence false\n"
            "max_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\n",
            encoding="utf-8",
        )
        self._process = subprocess.Popen(  # noqa: S603 - the program found on the PATH, with our own file
            [program, "-c", str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must reach only the demo, which stops its parts in the right order
        )
        try:
            _wait_for(port, self._process)
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Terminate the process. Kill it if it does not end within 5 seconds."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        self._process.kill()


class AmqttBroker:
    """Embedded amqtt. It runs in a thread with a separate event loop.

    It supports only MQTT 3.1.1, and is suitable for a demo but not for production.
    """

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
        except Exception as error:  # noqa: BLE001 - after any error, `_wait_for` reports that the broker has ended
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
        connected = broker.stream_connected

        async def connected_and_closed(reader: Any, writer: asyncio.StreamWriter, **listener: Any) -> None:
            try:
                await connected(reader, writer, **listener)
            finally:
                writer.close()

        # amqtt does not close the connection of a client that leaves before its CONNECT.
        broker.stream_connected = connected_and_closed
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
