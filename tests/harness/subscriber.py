"""A paho subscriber, with which tests check the other parts of the harness."""

import threading

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

VERSIONS = {"3.1.1": paho.MQTTv311, "5": paho.MQTTv5}


class Subscriber:
    """Subscriber. `reason` is from the CONNACK. `messages` are (topic, payload) in order of arrival."""

    def __init__(
        self,
        port: int,
        topic_filter: str = "#",
        *,
        qos: int = 1,
        client_id: str = "",
        keep_session: bool = False,
        protocol: str = "3.1.1",
        websocket: bool = False,
        username: str | None = None,
        password: str | None = None,
        tls: dict | None = None,
    ) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.reason: str | None = None
        self._address, self._filter, self._qos = ("127.0.0.1", port), topic_filter, qos
        self._arrived = threading.Condition()
        self._answered, self._subscribed = threading.Event(), threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if protocol == "5" else not keep_session,
            protocol=VERSIONS[protocol],
            transport="websockets" if websocket else "tcp",
        )
        if username is not None:
            self._client.username_pw_set(username, password)
        if tls is not None:
            self._client.tls_set(**tls)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message

    def connect(self, timeout_secs: float = 10) -> str:
        """Connect, and return the reason in the CONNACK: `Success` if the broker has accepted the session."""
        self._client.connect(*self._address)
        self._client.loop_start()
        assert self._answered.wait(timeout_secs), "no CONNACK"
        assert self.reason is not None
        return self.reason

    def __enter__(self):
        assert self.connect() == "Success", self.reason
        assert self._subscribed.wait(10), "no SUBACK"
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait_for(self, count: int, *, timeout_secs: float = 20) -> list[tuple[str, bytes]]:
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.messages) >= count, timeout_secs)
        assert arrived, f"{len(self.messages)} of {count} messages within {timeout_secs} s"
        return self.messages

    def _on_connect(self, client, _userdata, _flags, reason, _properties):
        self.reason = str(reason)
        self._answered.set()
        if not reason.is_failure:
            client.subscribe(self._filter, self._qos)

    def _on_message(self, _client, _userdata, message):
        with self._arrived:
            self.messages.append((message.topic, message.payload))
            self._arrived.notify()
