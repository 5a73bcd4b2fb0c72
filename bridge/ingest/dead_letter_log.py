"""Log lines about dead letters.

The first dead letter of a mapping and code is logged at once. Later lines about the same mapping and code are at least
INTERVAL_SECS apart, and contain the number of new dead letters. If each dead letter were logged, a faulty device could
fill the log. The lines contain no payload, because more people can read the log than the spool.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from bridge.durations import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.model import DeadLetter

INTERVAL_SECS: Final = 600.0
"""Minimum time between two lines about the same mapping and code."""
MAX_TOPIC_CHARS: Final = 200
"""Maximum number of characters of a topic in a log line. Topics may have up to 65,535 bytes."""
_ADVICE: Final = "see 'mqtt-kinesis dead-letters list'"

log = logging.getLogger(__name__)


class DeadLetterLog:
    """Counters of the dead letters that no log line has reported yet. Ingest thread only."""

    def __init__(self) -> None:
        self._unreported: Counter[tuple[str, str]] = Counter()
        self._reported_at: dict[tuple[str, str], float] = {}

    def committed(self, dead_letters: Iterable[DeadLetter], now: float) -> None:
        """Count the dead letters of a committed transaction, and write the log lines that are due.

        `now` is monotonic time.
        """
        topics = {(each.mapping, each.code): each.topic for each in dead_letters}
        self._unreported.update((each.mapping, each.code) for each in dead_letters)
        for key, topic in topics.items():
            last = self._reported_at.get(key)
            if last is None or now - last >= INTERVAL_SECS:
                self._reported_at[key] = now
                self._report(*key, topic, self._unreported.pop(key))

    def _report(self, mapping: str, code: str, topic: str, count: int) -> None:
        of_mapping = f" of mapping {mapping}" if mapping else ""
        shown = topic if len(topic) <= MAX_TOPIC_CHARS else f"{topic[:MAX_TOPIC_CHARS]}…"
        text = f"{pluralize(count, 'new dead letter')}{of_mapping} ({code}), the last on topic {shown}; {_ADVICE}"
        log.warning("%s", text)
