"""Statistics of the values in one span of `sample`: mean, minimum and maximum of one number or of several numbers."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from bridge.errors import TransformError


class Statistics(NamedTuple):
    """Statistics of one span.

    - `messages`: number of messages in the span
    - `from_ms`, `to_ms`: receive times of the first and last message, in milliseconds since 1970
    - `columns`: a list [sum, minimum, maximum, count] for each name. `count` is the number of messages with this name.
      A value that is a single number, and not an object, has the name "".
    """

    messages: int = 0
    from_ms: int = 0
    to_ms: int = 0
    columns: dict[str, list[float]] = {}  # noqa: RUF012  never changed: `with_value` creates a new one

    @classmethod
    def of(cls, stored: list[Any] | None) -> Statistics:
        """Return the statistics for a list that `stored` has returned, or empty statistics for None."""
        return cls() if stored is None else cls(*stored)

    def with_value(self, value: Any, at_ms: int) -> Statistics:
        """Return the statistics with one more message.

        `value` is a number or an object of numbers. A column whose name is missing in `value` is unchanged. Raise
        TransformError if a sum exceeds the range of 64-bit floats, because JSON has no infinity.
        """
        values = value if isinstance(value, dict) else {"": value}
        columns = dict(self.columns)
        for name, each in values.items():
            total, lowest, highest, seen = columns.get(name, [0.0, math.inf, -math.inf, 0])
            total += each
            if not math.isfinite(total):
                raise TransformError("sample.value: the sum of the span is too large for a 64-bit float")
            columns[name] = [total, min(lowest, each), max(highest, each), seen + 1]
        return Statistics(self.messages + 1, self.from_ms if self.messages else at_ms, at_ms, columns)

    def stored(self) -> list[Any]:
        """Return the statistics as a JSON list."""
        return list(self)

    def shown(self) -> dict[str, Any]:
        """Return the object that a transform sees as `sample`."""
        return {
            "count": self.messages,
            "from_ms": self.from_ms,
            "to_ms": self.to_ms,
            "mean": self._shaped({name: total / seen for name, (total, _, _, seen) in self.columns.items()}),
            "min": self._shaped({name: lowest for name, (_, lowest, _, _) in self.columns.items()}),
            "max": self._shaped({name: highest for name, (_, _, highest, _) in self.columns.items()}),
        }

    def _shaped(self, by_name: dict[str, float]) -> Any:
        """Return the only number if the values of the messages are single numbers, else the object of numbers."""
        return by_name[""] if list(by_name) == [""] else by_name
