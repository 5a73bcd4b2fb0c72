"""Brokers in Erlang, from Debian packages."""

import json
import signal
import subprocess
from pathlib import Path

from tests.brokers.broker import SECRET, Broker, found_program
from tests.harness.network import free_port

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
        found = found_program("rabbitmq-server")
        return "/usr/lib/rabbitmq/bin/rabbitmq-server" if found else None

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self._epmd_port = free_port()

    def stop(self, number=signal.SIGTERM):
        super().stop(number)
        # The node starts the port mapper of Erlang, a separate daemon, but does not end it.
        subprocess.run(
            [found_program("epmd"), "-port", str(self._epmd_port), "-kill"], check=False, capture_output=True
        )

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
        # Use a separate node, which writes only to this folder.
        return {
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"edge{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbit.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(self._epmd_port),
            # Without this variable, the port mapper does not end while it considers the node alive.
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",
        }


class EjabberdBroker(Broker):
    """ejabberd without its own start script, because that script switches to another user."""

    name, stores, start_secs = "ejabberd", True, 90.0
    username = "bridge@localhost"

    @classmethod
    def program(cls):
        return found_program("erl") if cls.libraries() else None

    @staticmethod
    def libraries() -> str | None:
        """Return the folder of Erlang libraries that contains ejabberd."""
        return next((str(found.parent.parent) for found in Path("/usr/lib").glob("*/ejabberd-*/ebin")), None)

    def command(self):
        chain = self.folder / "chain.pem"
        chain.write_bytes(self.key_file.read_bytes() + self.cert_file.read_bytes())
        listener = {"ip": "127.0.0.1", "backlog": 100}
        mqtt = listener | {"module": "mod_mqtt"}
        pages = listener | {"module": "ejabberd_http", "request_handlers": {"/mqtt": "mod_mqtt"}}
        rules = {"acl/open/#": "all"} if self.acl else {}  # topics without a rule are denied
        document = {
            "hosts": ["localhost"],
            "auth_method": ["anonymous"],
            "anonymous_protocol": "login_anon",
            "allow_multiple_connections": True,
            "certfiles": [str(chain)],
            "acme": {"auto": False},
            "listen": [
                {"port": self.port} | mqtt,
                {"port": self.websocket_port} | pages,
                {"port": self.tls_port, "tls": True} | mqtt,
            ],
            "modules": {
                "mod_mqtt": {
                    "access_publish": rules,
                    "access_subscribe": rules,
                    "max_queue": "infinity",
                    "queue_type": "file",
                    "session_expiry": "8 days",
                }
            },
        }
        (self.folder / "ejabberd.yml").write_text(json.dumps(document))
        return [self.program(), "-noinput", "-mnesia", "dir", f'"{self.folder}/mnesia"', "-s", "ejabberd"]

    def environment(self):
        return {
            "HOME": str(self.folder),
            "ERL_LIBS": self.libraries() or "",
            "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.folder / "ejabberd.log"),
        }
