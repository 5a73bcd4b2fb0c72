"""Record of the broker's session that outlives the process: the broker, and the filters that the session contains.

It shows three things at the next connection: that a session which should exist was discarded, that MQTT 3.1.1 needs no
SUBSCRIBE (at each one the broker sends all retained messages again), and that packet identifiers of another broker do
not apply. Format: JSON `{"broker": URL, "filters": {filter: [requested QoS, granted QoS]}}`.
"""

from __future__ import annotations

import json
from typing import NamedTuple, Self


class StoredSession(NamedTuple):
    """`filters`: filter → (requested QoS, granted QoS); empty while the session may have none."""

    broker: str = ""
    filters: dict[str, tuple[int, int]] = {}  # noqa: RUF012  never changed: each record is a new object

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the record in `text`, or an empty one if `text` was not written by `dump`."""
        try:
            value = json.loads(text)
            filters = {str(name): (int(asked), int(granted)) for name, (asked, granted) in value["filters"].items()}
            return cls(str(value["broker"]), filters)
        # An unreadable record only means that every filter is requested again, so it must not stop the bridge.
        except (AttributeError, KeyError, TypeError, ValueError):
            return cls()

    def dump(self) -> str:
        """Return the record as JSON."""
        return json.dumps({"broker": self.broker, "filters": self.filters}, sort_keys=True)

    def without(self, filters: list[str]) -> StoredSession:
        """Return a record without these filters."""
        return self._replace(filters={text: qos for text, qos in self.filters.items() if text not in filters})
