"""MQTT brokers of the package registries, each started on 127.0.0.1.

`make brokers` installs them into build/brokers.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.harness.certificates import Authority
from tests.harness.network import free_port, wait_for_port

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "brokers"
SERVERS = Path(__file__).resolve().parent / "servers"


SECRET = "acl/secret"
"""Topics below it are denied to every client if the broker was made with `acl`."""


class Broker:
    """One broker. `stores`: whether its sessions are on disk here. `loses`: whether it loses messages by itself.

    `acl`: topics below SECRET are denied. `tls`: it listens on `tls_port` too, with a certificate of `ca_file`.
    """

    name = ""
    stores = loses = False
    start_secs = 30.0
    has_acl = has_tls = has_websocket = True
    tls_scheme = "mqtts"

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
        """Path of the program; None if it is not installed."""
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
        """Send the signal to the broker and its children, and wait for the end."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, number)
            process.wait(30)

    def restart(self) -> None:
        self.stop()
        self.start()


def _found(*names: str) -> str | None:
    # amqtt is installed with this Python.
    places = [str(BUILD / "bin"), os.environ.get("PATH", ""), "/usr/sbin", str(Path(sys.executable).parent)]
    path = os.pathsep.join(places)
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def _arguments(broker: Broker) -> list[str]:
    """Arguments of the programs in `servers/`: ports (plain, WebSocket, TLS), certificate, key, and denied topics."""
    ports = (broker.port, broker.websocket_port, broker.tls_port)
    return [*map(str, ports), str(broker.cert_file), str(broker.key_file), SECRET if broker.acl else ""]


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
            f"listener {self.tls_port} 127.0.0.1",
            f"cafile {self.ca_file}",
            f"certfile {self.cert_file}",
            f"keyfile {self.key_file}",
            *([f"acl_file {self.folder}/acl"] if self.acl else []),
        )
        (self.folder / "acl").write_text(f"topic readwrite #\ntopic deny {SECRET}/#\n")
        (self.folder / "conf").write_text("\n".join(lines) + "\n")
        return [self.program(), "-c", str(self.folder / "conf")]


class AedesBroker(Broker):
    name = "aedes"

    @classmethod
    def program(cls):
        return _found("node") if (BUILD / "node_modules" / "aedes").exists() else None

    def command(self):
        return [self.program(), str(SERVERS / "aedes.js"), *_arguments(self)]

    def environment(self):
        return {"NODE_PATH": str(BUILD / "node_modules")}


class MochiBroker(Broker):
    name = "mochi"

    @classmethod
    def program(cls):
        return _found("mochi")

    def command(self):
        return [self.program(), *_arguments(self)]


_DENIED = SECRET.replace("/", ".") + ".>"
_NATS_ACL = (
    f'authorization: {{ users: [{{ user: any, password: "", permissions: {{ '
    f'publish: {{ deny: ["{_DENIED}"] }}, subscribe: {{ deny: ["{_DENIED}"] }} }} }}] }}\nno_auth_user: any\n'
)


class NatsBroker(Broker):
    name, stores, tls_scheme = "NATS", True, "wss"

    @classmethod
    def program(cls):
        return _found("nats-server")

    def command(self):
        (self.folder / "conf").write_text(
            f'server_name: edge\nlisten: "127.0.0.1:{free_port()}"\njetstream: {{ store_dir: "{self.folder}/js" }}\n'
            f'mqtt: {{ listen: "127.0.0.1:{self.port}", max_ack_pending: 100 }}\n'
            + self._websocket()
            + (_NATS_ACL if self.acl else "")
        )
        return [self.program(), "-c", str(self.folder / "conf")]

    def _websocket(self):
        if not self.tls:
            return f'websocket: {{ listen: "127.0.0.1:{self.websocket_port}", no_tls: true }}\n'
        self.websocket_port = self.tls_port  # one listener: with TLS or without
        files = f'cert_file: "{self.cert_file}", key_file: "{self.key_file}"'
        return f'websocket: {{ listen: "127.0.0.1:{self.tls_port}", tls: {{ {files} }} }}\n'


class RumqttdBroker(Broker):
    name = "rumqttd"
    has_acl = has_tls = has_websocket = False

    @classmethod
    def program(cls):
        return _found("rumqttd")

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


_RABBIT_TOPICS = "^(?!" + SECRET.replace("/", "\\.") + ").*"
_RABBIT_ACL = {
    "vhosts": [{"name": "/"}],
    "users": [{"name": "guest", "password": "guest", "tags": "administrator"}],
    "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
    "topic_permissions": [
        {"user": "guest", "vhost": "/", "exchange": "amq.topic", "write": _RABBIT_TOPICS, "read": _RABBIT_TOPICS}
    ],
}


class RabbitBroker(Broker):
    name, stores, start_secs = "RabbitMQ", True, 90.0

    @classmethod
    def program(cls):
        found = _found("rabbitmq-server")
        return "/usr/lib/rabbitmq/bin/rabbitmq-server" if found else None

    def __init__(self, **options) -> None:
        super().__init__(**options)
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
            f"mqtt.listeners.ssl.1 = 127.0.0.1:{self.tls_port}\nssl_options.cacertfile = {self.ca_file}\n"
            f"ssl_options.certfile = {self.cert_file}\nssl_options.keyfile = {self.key_file}\n"
            + (f"load_definitions = {self.folder}/definitions\n" if self.acl else "")
        )
        (self.folder / "definitions").write_text(json.dumps(_RABBIT_ACL))
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
            # Without it, the port mapper refuses to end while it believes that the node lives.
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",
        }


class AmqttBroker(Broker):
    name, loses, has_acl = "amqtt", True, False

    @classmethod
    def program(cls):
        return _found("amqtt")

    def command(self):
        bind = {"max_connections": 100}
        listeners = {
            "default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"} | bind,
            "websocket": {"type": "ws", "bind": f"127.0.0.1:{self.websocket_port}"} | bind,
        }
        if self.tls:
            files = {"cafile": str(self.ca_file), "certfile": str(self.cert_file), "keyfile": str(self.key_file)}
            listeners["tls"] = {"type": "tcp", "bind": f"127.0.0.1:{self.tls_port}", "ssl": True} | bind | files
        plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        document = {"listeners": listeners, "plugins": plugins}
        (self.folder / "conf.yaml").write_text(yaml.safe_dump(document))
        return [self.program(), "-c", str(self.folder / "conf.yaml")]


class JavaBroker(Broker):
    """A broker of Maven's registry, with a main class in `servers/`."""

    stores, start_secs = True, 90.0
    server = ""

    @classmethod
    def program(cls):
        return _found("java") if (BUILD / "java" / cls.server / "classes").exists() else None

    def command(self):
        key = serialization.load_pem_private_key(self.key_file.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(self.cert_file.read_bytes())
        password = serialization.BestAvailableEncryption(b"secret")
        store = self.folder / "keys.p12"
        store.write_bytes(pkcs12.serialize_key_and_certificates(b"server", key, certificate, None, password))
        ports = map(str, (self.port, self.websocket_port, self.tls_port))
        java = BUILD / "java" / self.server
        command = [self.program(), "-cp", f"{java}/classes:{java}/*", "Main", *ports, str(store)]
        return [*command, SECRET if self.acl else "", str(self.folder)]


class HiveMqBroker(JavaBroker):
    name, server = "HiveMQ CE", "hivemq"


class MoquetteBroker(JavaBroker):
    name, server = "Moquette", "moquette"


class ArtemisBroker(JavaBroker):
    name, server, has_acl = "Artemis", "artemis", False


CATALOG = (
    MosquittoBroker,
    HiveMqBroker,
    MochiBroker,
    ArtemisBroker,
    RabbitBroker,
    NatsBroker,
    MoquetteBroker,
    AedesBroker,
    RumqttdBroker,
    AmqttBroker,
)
