"""MQTT brokers of the package registries, each started on 127.0.0.1.

`make brokers` installs them into build/brokers.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.harness.network import free_port, wait_for_port

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "brokers"
SERVERS = Path(__file__).resolve().parent / "servers"


class Broker:
    """One broker. `needs`: programs without which it cannot run. `stores`: whether its sessions are on disk here."""

    name = ""
    version = ""
    stores = False
    start_secs = 30.0
    note = ""
    """Text of the table about the broker."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix=f"{self.name}-")
        self.folder = Path(self._temporary.name)
        self.port, self.websocket_port = free_port(), free_port()
        self._process: subprocess.Popen | None = None

    @classmethod
    def program(cls) -> str | None:
        """Path of the program; None if it is not installed."""
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    @property
    def has_websocket(self) -> bool:
        return True

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
        for port in (self.port, *([self.websocket_port] if self.has_websocket else [])):
            wait_for_port(port, timeout_secs=self.start_secs, still_alive=lambda: process.poll() is None)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send the signal to the broker and its children, and wait for the end."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, number)
            process.wait(30)

    def restart(self) -> None:
        self.stop()
        self.start()


def _found(*names: str) -> str | None:
    path = os.pathsep.join([str(BUILD / "bin"), os.environ.get("PATH", ""), "/usr/sbin"])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


class MosquittoBroker(Broker):
    name, stores = "mosquitto", True

    @classmethod
    def program(cls):
        return _found("mosquitto")

    def command(self):
        lines = (
            *(["user root"] if os.geteuid() == 0 else []),
            f"listener {self.port} 127.0.0.1",
            f"listener {self.websocket_port} 127.0.0.1",
            "protocol websockets",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 1",
            "max_queued_messages 0",
        )
        (self.folder / "conf").write_text("\n".join(lines) + "\n")
        return [self.program(), "-c", str(self.folder / "conf")]


class AedesBroker(Broker):
    name, note = "aedes", "MQTT 3.1.1 only; here with a server that pings WebSockets every half second"

    @classmethod
    def program(cls):
        return _found("node") if (BUILD / "node_modules" / "aedes").exists() else None

    def command(self):
        return [self.program(), str(SERVERS / "aedes.js"), str(self.port), str(self.websocket_port)]

    def environment(self):
        return {"NODE_PATH": str(BUILD / "node_modules")}


class MochiBroker(Broker):
    name = "mochi"

    @classmethod
    def program(cls):
        return _found("mochi")

    def command(self):
        return [self.program(), str(self.port), str(self.websocket_port)]


class NatsBroker(Broker):
    name, stores, note = "NATS", True, "MQTT 3.1.1 only"

    @classmethod
    def program(cls):
        return _found("nats-server")

    def command(self):
        (self.folder / "conf").write_text(
            f'server_name: edge\nlisten: "127.0.0.1:{free_port()}"\njetstream: {{ store_dir: "{self.folder}/js" }}\n'
            f'mqtt: {{ listen: "127.0.0.1:{self.port}", max_ack_pending: 100 }}\n'
            f'websocket: {{ listen: "127.0.0.1:{self.websocket_port}", no_tls: true }}\n'
        )
        return [self.program(), "-c", str(self.folder / "conf")]


class RumqttdBroker(Broker):
    name = "rumqttd"

    @classmethod
    def program(cls):
        return _found("rumqttd")

    has_websocket = False

    def command(self):
        connections = (
            "connection_timeout_ms = 60000\nmax_payload_size = 4194304\nmax_inflight_count = 100\n"
            "dynamic_filters = true\n"
        )
        (self.folder / "conf.toml").write_text(
            "id = 0\n\n[router]\nid = 0\nmax_connections = 100\nmax_outgoing_packet_count = 200\n"
            "max_segment_size = 104857600\nmax_segment_count = 10\n\n"
            f'[v4.1]\nname = "v4"\nlisten = "127.0.0.1:{self.port}"\nnext_connection_delay_ms = 1\n'
            f"[v4.1.connections]\n{connections}"
        )
        return [self.program(), "-c", str(self.folder / "conf.toml")]


class RabbitBroker(Broker):
    name, stores, start_secs = "RabbitMQ", True, 90.0
    note = "MQTT 3.1.1 only in 3.10"

    @classmethod
    def program(cls):
        found = _found("rabbitmq-server")
        return "/usr/lib/rabbitmq/bin/rabbitmq-server" if found else None

    def __init__(self) -> None:
        super().__init__()
        self._epmd_port = free_port()

    def stop(self, number=signal.SIGTERM):
        super().stop(number)
        # Erlang's port mapper is a daemon of its own, which the node starts and leaves.
        subprocess.run([_found("epmd"), "-port", str(self._epmd_port), "-kill"], check=False, capture_output=True)

    def command(self):
        (self.folder / "plugins").write_text("[rabbitmq_mqtt, rabbitmq_web_mqtt].\n")
        (self.folder / "rabbit.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{free_port()}\nmqtt.listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"mqtt.allow_anonymous = true\nmqtt.prefetch = 100\nweb_mqtt.tcp.ip = 127.0.0.1\n"
            f"web_mqtt.tcp.port = {self.websocket_port}\nweb_mqtt.ws_path = /mqtt\n"
        )
        return [self.program()]

    def environment(self):
        # A node of its own, and no files beside its folder.
        return {
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"edge{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbit.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(self._epmd_port),
        }


CATALOG = (MosquittoBroker, MochiBroker, RabbitBroker, NatsBroker, AedesBroker, RumqttdBroker)
