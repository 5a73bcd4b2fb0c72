"""One payload format for all topics of similar machines, even if a few of their messages have another format.

Topics that differ only in digits (press101/count, press102/count) belong to similar machines and form a group. If no
specific format (number, JSON, MessagePack, CBOR) decodes all messages of a group, the group gets the format of the
majority of its messages. Messages with another format would become dead letters, so `init` reports them. Without this
rule, one unusual message would cause a separate mapping for its topic.
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
"""Minimum share of the messages of a group that must have the format of the majority.

If fewer messages have this format, the topics of the group probably have different formats on purpose.
"""
# A topic keeps its own format if it has at least this number of messages and none of them has the format of the group.
_LEAST_ALONE: Final = 3
# Formats that few other payloads satisfy by chance. Nearly every payload is valid as text or bytes.
_SPECIFIC: Final = frozenset({"number", "json", "msgpack", "cbor"})
_DIGITS: Final = re.compile(r"[0-9]+")

Topic = tuple[str, ...]


def by_majority(
    payloads: Mapping[Topic, Sequence[bytes]], kinds: Mapping[Topic, PayloadKind]
) -> dict[Topic, PayloadKind]:
    """Return the payload kind of each topic.

    `payloads` are the observed payloads of each topic. `kinds` contains for each topic the kind that decodes all of its
    payloads. The result has the kind of the majority for the topics to which the rule of this module applies.
    """
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
    """Return the specific kind that at least LEAST_SHARE of the messages have. Return None if there is no such kind."""
    counts = Counter(kinds)
    (most, count), *_ = counts.most_common(1)
    if most is None or most.payload not in _SPECIFIC or count < LEAST_SHARE * counts.total():
        return None
    return most
