"""Record of the broker's session that outlives the process: the broker, and the filters that the session contains.

The next connection uses the record for three purposes. It detects that the broker has discarded the session. With MQTT
3.1.1, it avoids a SUBSCRIBE, after which the broker would send all retained messages again. It ignores packet
identifiers that belong to another broker. Format: JSON `{"broker": URL, "filters": {filter: [requested QoS, granted
QoS]}}`.
"""

from __future__ import annotations

import json
from typing import NamedTuple, Self


class StoredSession(NamedTuple):
    """Broker and filters of a session.

    `filters` maps filters to (requested QoS, granted QoS); it is empty if the session may have no filters.
    """

    broker: str = ""
    filters: dict[str, tuple[int, int]] = {}  # noqa: RUF012  never changed: each record is a new object

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the record in `text`, or an empty one if `text` was not written by `dump`."""
        try:
            value = json.loads(text)
            filters = {str(name): (int(asked), int(granted)) for name, (asked, granted) in value["filters"].items()}
            return cls(str(value["broker"]), filters)
        # If the record is unreadable, every filter is requested again. This must not stop the bridge.
        except (AttributeError, KeyError, TypeError, ValueError):
            return cls()

    def dump(self) -> str:
        """Return the record as JSON."""
        return json.dumps({"broker": self.broker, "filters": self.filters}, sort_keys=True)

    def without(self, filters: list[str]) -> StoredSession:
        """Return a record without these filters."""
        return self._replace(filters={text: qos for text, qos in self.filters.items() if text not in filters})
