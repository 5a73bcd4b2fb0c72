"""Small MQTT publisher for the demo's factory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class MessagePublisher:
    """Publisher that counts the broker's acknowledgements. Only one thread may call `publish` and `wait`."""

    def __init__(self, host: str, port: int, client_id: str) -> None:
        """Connect to the broker. Raise OSError if it cannot be reached."""
        # MQTT 3.1.1 is the newest version that the embedded broker supports.
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv311)
        # 0 means no limit: `publish` must not refuse a message.
        self._client.max_queued_messages_set(0)
        self._client.max_inflight_messages_set(1000)
        self._client.on_publish = self._on_publish
        self._changed = threading.Condition()
        self._acknowledged = 0
        self.published = 0
        self._client.connect(host, port)
        self._client.loop_start()

    def _on_publish(self, *_: object) -> None:
        with self._changed:
            self._acknowledged += 1
            self._changed.notify_all()

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> None:
        """Queue a message. The network thread sends it."""
        self._client.publish(topic, payload, qos, retain)
        self.published += 1

    def wait(self, timeout_secs: float) -> int:
        """Wait until the broker has acknowledged all messages, but at most `timeout_secs` seconds.

        Return the number of messages that are still unacknowledged.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._acknowledged >= self.published, timeout_secs)
            return self.published - self._acknowledged

    def close(self) -> None:
        """Disconnect and stop the network thread."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()
