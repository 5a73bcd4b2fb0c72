"""Payload formats of topics by majority, so that one unusual message does not cause a separate mapping for its topic.

Topics whose levels differ only in digits (press101/count, press102/count) belong to similar machines and form a group.
If no specific format reads all messages of a group, the format of the majority is used. The other messages would become
dead letters, and are reported.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from bridge.mapping.proposals.payload_detection import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.mapping.proposals.payload_detection import PayloadKind

LEAST_SHARE: Final = 0.8
"""Minimum share of the messages that a format must read. With less, the messages probably differ on purpose."""
# If a topic has at least this many messages, and none of them has the format of the group, it differs on purpose.
_LEAST_ALONE: Final = 3
_SPECIFIC: Final = frozenset({"number", "json", "msgpack", "cbor"})
_DIGITS: Final = re.compile(r"[0-9]+")

Topic = tuple[str, ...]


def by_majority(
    payloads: Mapping[Topic, Sequence[bytes]], kinds: Mapping[Topic, PayloadKind]
) -> dict[Topic, PayloadKind]:
    """Return the kind of each topic. Exceptions get the kind of the majority of their group."""
    settled = dict(kinds)
    alike: dict[Topic, list[Topic]] = defaultdict(list)
    for topic in kinds:
        alike[tuple(_DIGITS.sub("#", level) for level in topic)].append(topic)
    for topics in alike.values():
        if all(kinds[topic].payload in _SPECIFIC and kinds[topic] == kinds[topics[0]] for topic in topics):
            continue
        each_kind = {topic: [kind_of("/".join(topic), [each]) for each in payloads[topic]] for topic in topics}
        most = _most(kind for found in each_kind.values() for kind in found)
        for topic in topics:
            if most is not None and (most in each_kind[topic] or len(each_kind[topic]) < _LEAST_ALONE):
                settled[topic] = most
    return settled


def _most(kinds: Iterable[PayloadKind | None]) -> PayloadKind | None:
    """Return the specific kind that at least LEAST_SHARE of the messages have, or None."""
    counts = Counter(kinds)
    (most, count), *_ = counts.most_common(1)
    if most is None or most.payload not in _SPECIFIC or count < LEAST_SHARE * counts.total():
        return None
    return most
