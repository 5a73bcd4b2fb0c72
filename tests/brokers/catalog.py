"""MQTT brokers from package registries, and the list of all tested brokers.

`make brokers` installs them in build/brokers.
"""

import os

import yaml

from tests.brokers.broker import BUILD, SECRET, SERVERS, Broker, found_program, server_arguments
from tests.brokers.erlang_brokers import EjabberdBroker, RabbitBroker
from tests.brokers.java_brokers import ArtemisBroker, HiveMqBroker, MoquetteBroker
from tests.harness.network import free_port


class MosquittoBroker(Broker):
    name, stores = "mosquitto", True

    @classmethod
    def program(cls):
        return found_program("mosquitto")

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
        return found_program("node") if (BUILD / "node_modules" / "aedes").exists() else None

    def command(self):
        return [self.program(), str(SERVERS / "aedes.js"), *server_arguments(self)]

    def environment(self):
        return {"NODE_PATH": str(BUILD / "node_modules")}


class MochiBroker(Broker):
    name = "mochi"

    @classmethod
    def program(cls):
        return found_program("mochi")

    def command(self):
        return [self.program(), *server_arguments(self)]


_DENIED = SECRET.replace("/", ".") + ".>"
_NATS_ACL = (
    f'authorization: {{ users: [{{ user: any, password: "", permissions: {{ '
    f'publish: {{ deny: ["{_DENIED}"] }}, subscribe: {{ deny: ["{_DENIED}"] }} }} }}] }}\nno_auth_user: any\n'
)


class NatsBroker(Broker):
    name, stores, tls_scheme = "NATS", True, "wss"

    @classmethod
    def program(cls):
        return found_program("nats-server")

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
        self.websocket_port = self.tls_port  # it has one listener, with or without TLS
        files = f'cert_file: "{self.cert_file}", key_file: "{self.key_file}"'
        return f'websocket: {{ listen: "127.0.0.1:{self.tls_port}", tls: {{ {files} }} }}\n'


class RumqttdBroker(Broker):
    name = "rumqttd"
    has_acl = has_tls = has_websocket = False

    @classmethod
    def program(cls):
        return found_program("rumqttd")

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


class AmqttBroker(Broker):
    name, loses, has_acl = "amqtt", True, False

    @classmethod
    def program(cls):
        return found_program("amqtt")

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


CATALOG = (
    MosquittoBroker,
    HiveMqBroker,
    MochiBroker,
    ArtemisBroker,
    RabbitBroker,
    NatsBroker,
    MoquetteBroker,
    AedesBroker,
    EjabberdBroker,
    RumqttdBroker,
    AmqttBroker,
)
