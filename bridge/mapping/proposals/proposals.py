"""Proposals of mappings for observed messages. Each proposed mapping is compiled and tested, so it passes `check`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.durations import pluralize
from bridge.errors import ConfigError, DecodeError
from bridge.mapping.loading.spec_validation import read_specification
from bridge.mapping.mapping import compile_mapping
from bridge.mapping.proposals.majority_format import by_majority
from bridge.mapping.proposals.mapping_file import MappingFileText, test_lines
from bridge.mapping.proposals.naming import SIGNAL, capture_names, free_name, mapping_name
from bridge.mapping.proposals.payload_detection import PayloadKind, kind_of
from bridge.mapping.proposals.proposal_reason import proposal_reason
from bridge.mapping.proposals.topic_clusters import TopicCluster, topic_clusters, unmatchable_reason
from bridge.mapping.selftest.runner import run_cases
from bridge.payloads.sparkplug.topic import NAMESPACE
from bridge.yaml_files import parse_document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from bridge.mapping.mapping import Mapping
    from bridge.model import Message

MAX_TOPICS: Final = 5_000
"""Maximum number of topics that are examined. Messages of further topics are only counted."""
MAX_PROPOSALS: Final = 50
"""Maximum number of proposed mappings. People could not review more mappings."""
# Maximum number of messages per topic that are examined.
_SAMPLES: Final = 20
# Maximum number of bytes of the payload in a test. A longer payload is only used if no payload is shorter.
_TESTED_BYTES: Final = 4_096
# Names of members that contain a time. If a payload has one of them, the record needs no receive time.
_TIMES: Final = frozenset(("ts", "time", "timestamp", "datetime", "date", "received_at", "created_at", "t"))
_FORMS: Final = ("payload", "payload_text", "payload_base64")
_SPARKPLUG: Final = f"{NAMESPACE}/{{group}}/{{type}}/{{node}}/{{device...}}"
# Minimum number of levels in a topic of a Sparkplug edge node: namespace, group, message type, node.
_LEAST_SPARKPLUG_LEVELS: Final = 4
# Names of the formats in notes.
_NAMES: Final = {"number": "a number", "json": "JSON", "msgpack": "MessagePack", "cbor": "CBOR"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """Proposed mapping file: its name without `.yaml`, and its text.

    `topics` and `messages` are the numbers of observed topics and messages that the mapping matches.
    """

    name: str
    text: str
    topic: str
    kind: PayloadKind
    topics: int
    messages: int
    odd: str = ""
    """Note on messages with another payload format, which would become dead letters. "" if there is no such message."""
    why: str = ""
    """Explanation of the mapping: the values of each capture, and the expression of the partition key."""
    example: Message | None = None
    """Message in the mapping's test."""


@dataclass(slots=True)
class ObservedMessages:
    """Observed messages. Only a limited number of messages is stored.

    - `samples`: stored messages by topic, at most `_SAMPLES` per topic
    - `counts`: number of observed messages by topic
    - `others`: number of messages whose topics were ignored, because MAX_TOPICS topics were already observed
    - `cut`: number of messages whose payload is known only in part
    """

    samples: dict[str, list[Message]] = field(default_factory=dict)
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    others: int = 0
    cut: int = 0

    def add(self, message: Message, *, whole: bool = True) -> None:
        """Add a message.

        If `whole` is False, only the beginning of the payload is known. The message is then counted, but not stored.
        """
        if message.topic not in self.samples and len(self.samples) >= MAX_TOPICS:
            self.others += 1
            return
        samples = self.samples.setdefault(message.topic, [])
        self.counts[message.topic] += 1
        self.cut += not whole
        if whole and message.payload and len(samples) < _SAMPLES:
            samples.append(message)


def propose(
    observed: ObservedMessages, stream: str, taken: Collection[str] = ()
) -> tuple[list[Proposal], list[tuple[str, str]]]:
    """Return proposed mappings, and the topics for which no mapping is proposed.

    The mappings that match the most messages come first. The topics are returned as pairs of topic and reason. `stream`
    is the data stream of all mappings. `taken` are names that must not be used, because mappings with these names
    exist.
    """
    kinds: dict[tuple[str, ...], PayloadKind] = {}
    left: list[tuple[str, str]] = []
    for topic, samples in observed.samples.items():
        kind = kind_of(topic, [each.payload for each in samples])
        reason = unmatchable_reason(topic) or ("" if kind else "no whole payload with anything in it was seen")
        if reason or kind is None:
            left.append((topic, reason))
        else:
            kinds[tuple(topic.split("/"))] = kind
    kinds = by_majority({topic: [each.payload for each in observed.samples["/".join(topic)]] for topic in kinds}, kinds)
    found, names = list[Proposal](), set(taken)
    groups = sorted(_groups(kinds), key=lambda group: (-_messages(observed, group), group.topics))
    for number, shape in enumerate(groups):
        made = _proposal(observed, shape, kinds[shape.topics[0]], stream, names) if number < MAX_PROPOSALS else None
        if made is not None:
            names.add(made.name)
            found.append(made)
        else:
            reason = "no mapping could be made of it" if number < MAX_PROPOSALS else f"over {MAX_PROPOSALS} mappings"
            left += [("/".join(topic), reason) for topic in shape.topics]
    return found, sorted(left)


def _groups(kinds: dict[tuple[str, ...], PayloadKind]) -> Iterator[TopicCluster]:
    """Yield groups of topics, each for one mapping."""
    # One mapping must read all Sparkplug topics, because data messages need the birth messages of their edge node.
    edge = {topic for topic in kinds if topic[0] == NAMESPACE and len(topic) >= _LEAST_SPARKPLUG_LEVELS}
    if edge:
        yield TopicCluster(tuple(sorted(edge)), ())
    yield from topic_clusters({topic: kind for topic, kind in kinds.items() if topic not in edge})


def _messages(observed: ObservedMessages, shape: TopicCluster) -> int:
    return sum(observed.counts["/".join(topic)] for topic in shape.topics)


def _proposal(
    observed: ObservedMessages, shape: TopicCluster, kind: PayloadKind, stream: str, taken: Collection[str]
) -> Proposal | None:
    """Return the first candidate for a group of topics that passes its tests, or None if no candidate passes."""
    samples = [each for topic in shape.topics for each in observed.samples["/".join(topic)]]
    name = mapping_name(shape, taken) if shape.captured else free_name("sparkplug", taken)
    if not shape.writable:
        return None
    # Messages that have the format of the group. The other messages would become dead letters.
    fitting = [each for each in samples if _value(MappingFileText("t", kind, stream, ""), each) is not None]
    for draft in _candidates(shape, kind, stream, fitting or samples):
        messages, topics = _messages(observed, shape), pluralize(len(shape.topics), "topic")
        comment = f"Seen: {pluralize(messages, 'message')} on {topics}, such as {samples[0].topic}"
        chosen = fitting if draft.kind == kind and fitting else samples
        odd = _outlier_note(draft.kind, len(samples) - len(chosen), len(samples), messages)
        text, example = _tested(replace(draft, first_comment=f"{comment}. {odd}" if odd else comment), chosen)
        if text:
            why = proposal_reason(draft.topic, shape.topics, draft.key_from)
            return Proposal(name, text, draft.topic, draft.kind, len(shape.topics), messages, odd, why, example)
    return None


def _outlier_note(kind: PayloadKind, odd: int, examined: int, messages: int) -> str:
    """Return the note on messages with another payload format, or "" if there is no such message.

    `odd` is the number of these messages among the `examined` messages. `messages` is the number of all observed
    messages.
    """
    if not odd:
        return ""
    verb, what = ("is", "a dead letter") if odd == 1 else ("are", "dead letters")
    sample = f"the {examined:,} examined" if examined < messages else f"{messages:,}"
    return f"{odd:,} of {sample} {verb} not {_NAMES.get(kind.payload, kind.payload)} and would be {what}"


def _candidates(
    shape: TopicCluster, kind: PayloadKind, stream: str, samples: list[Message]
) -> Iterator[MappingFileText]:
    """Yield candidates for the mapping file. The most specific candidate comes first. The last accepts any payload."""
    if not shape.captured:
        where = "contains(['NBIRTH', 'DBIRTH', 'NDATA', 'DDATA'], payload.type)"
        each = "payload.readings[].{ node: node, device: device, name: name, value: value, timestamp: timestamp }"
        yield MappingFileText(_SPARKPLUG, kind, stream, "", each, True, where, "captures.node")
        yield MappingFileText(_SPARKPLUG, PayloadKind("bytes"), stream, "", key_from="topic")
        return
    names = capture_names(shape, scalar=kind.form == "value")
    levels = [f"{{{names[at]}}}" if at in names else level for at, level in enumerate(shape.topics[0])]
    captured = [name for name in names.values() if name != SIGNAL]
    keys = [*([f"captures.{captured[-1]}"] if captured else []), "topic", ""]
    plain = MappingFileText("/".join(levels), kind, stream, "")
    if kind.payload != "bytes":
        made = replace(plain, transform=_transform(kind, samples, captured=bool(names)), each=kind.form == "objects")
        yield from (replace(made, key_from=key) for key in keys)
    for last in (kind, PayloadKind("bytes")):
        yield from (replace(plain, kind=last, key_from=key) for key in keys)


def _transform(kind: PayloadKind, samples: list[Message], *, captured: bool) -> str:
    """Return a transform that adds the captures to the payload. A payload without a time also gets the receive time."""
    # Inside a list, only variables such as `$captures` read the scope. Elsewhere, `captures` is easier to read.
    scope = "$" if kind.form == "objects" else ""
    parts = [f"{scope}captures"] if captured else []
    if not _has_time(kind, samples):
        parts.append(f"{{received_at: {scope}received_at}}")
    if kind.form == "objects":
        return f"payload[*].merge({', '.join(parts)}, @)" if parts else "payload"
    parts.append("payload" if kind.form == "object" else "{value: payload}")
    return f"merge({', '.join(parts)})" if len(parts) > 1 else parts[0]


def _has_time(kind: PayloadKind, samples: list[Message]) -> bool:
    """Return whether the payload contains a time. Otherwise, the record needs the receive time."""
    if kind.form == "value":
        return False
    value = _value(MappingFileText("t", kind, "s", ""), samples[0])
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and not _TIMES.isdisjoint(key.lower() for key in first)


def _value(text: MappingFileText, message: Message) -> Any:
    """Return the decoded payload of a message, or None if the mapping cannot decode it."""
    parts = _compiled(text).parts
    try:
        return parts.codec.decode((parts.decompress(message) if parts.decompress else message).payload)
    except DecodeError:
        return None


def _tested(text: MappingFileText, samples: Iterable[Message]) -> tuple[str, Message | None]:
    """Return the text of the file with a test that passes, and the message of the test.

    The text is "" if the mapping does not load, if it rejects a sample, or if no test passes.
    """
    samples = list(samples)
    try:
        mapping = _compiled(text)
        if not all(_accepts(mapping, each) for each in samples):
            return "", None
    except ConfigError:
        return "", None
    # Prefer a short payload, because people read the test in the file.
    example = next((each for each in samples if len(each.payload) <= _TESTED_BYTES), None)
    example = example or min(samples, key=lambda each: len(each.payload))
    value = _value(text, example)
    for form in _FORMS if text.kind.payload in {"json", "msgpack", "cbor", "number", "text"} else _FORMS[1:]:
        try:
            tested = replace(text, tests=tuple(test_lines(_compiled(text), example, value, form)))
            if all(case.passed for case in run_cases(_compiled(tested))):
                return str(tested), example
        except (ConfigError, UnicodeDecodeError):
            continue
    return "", None


def _accepts(mapping: Mapping, message: Message) -> bool:
    """Return whether the topic matches, and the mapping does not reject the message."""
    captures = mapping.pattern.match(message.topic)
    if captures is None:
        return False
    # A Sparkplug data message is rejected if its birth message was not observed. Such a rejection is not an error of
    # the mapping.
    sparkplug = mapping.specification.payload == "sparkplug_b"
    return not mapping.apply(message, captures, message.topic.split("/")).rejections or sparkplug


def _compiled(text: MappingFileText) -> Mapping:
    """Return the mapping that the text defines. Raise ConfigError if it does not load."""
    document = parse_document(str(text), "proposed.yaml", substitute=False, environ={}, base=Path())
    return compile_mapping("proposed", *read_specification(document), {})
