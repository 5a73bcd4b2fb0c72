"""Record of the broker's session on disk: the broker, and the filters that the session contains.

The next connection uses this record to:

1. Detect that the broker has discarded the session.
2. With MQTT 3.1.1, request only new filters. For each requested filter, the broker sends all retained messages again.
3. Ignore packet identifiers that belong to the session of another broker.

Format: JSON `{"broker": URL, "filters": {filter: [requested QoS, granted QoS]}}`.
"""

from __future__ import annotations

import json
from typing import NamedTuple, Self


class StoredSession(NamedTuple):
    """Broker and filters of a session.

    `filters` maps each filter that the session certainly contains to (requested QoS, granted QoS).
    """

    broker: str = ""
    filters: dict[str, tuple[int, int]] = {}  # noqa: RUF012  never changed: each record is a new object

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the record in `text`, or an empty record if `text` was not written by `dump`."""
        try:
            value = json.loads(text)
            filters = {str(name): (int(wanted), int(granted)) for name, (wanted, granted) in value["filters"].items()}
            return cls(str(value["broker"]), filters)
        # An unreadable record must not stop the bridge. With an empty record, the bridge requests every filter again.
        # The JSON number 1e999 is infinite and raises OverflowError. Deeply nested brackets raise RecursionError.
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
            return cls()

    def dump(self) -> str:
        """Return the record as JSON."""
        return json.dumps({"broker": self.broker, "filters": self.filters}, sort_keys=True)

    def without(self, filters: list[str]) -> StoredSession:
        """Return a copy of the record without these filters."""
        return self._replace(filters={text: qos for text, qos in self.filters.items() if text not in filters})
