"""Proposals of mappings for observed messages. Each one was compiled and tested, so it passes `check`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.durations import pluralize
from bridge.errors import ConfigError, DecodeError
from bridge.mapping.loading.spec_validation import read_specification
from bridge.mapping.mapping import compile_mapping
from bridge.mapping.proposals.explanation import explained
from bridge.mapping.proposals.majority import by_majority
from bridge.mapping.proposals.mapping_file import MappingFileText, test_lines
from bridge.mapping.proposals.naming import SIGNAL, capture_names, free_name, mapping_name
from bridge.mapping.proposals.payload_detection import PayloadKind, kind_of
from bridge.mapping.proposals.topic_clusters import TopicCluster, topic_clusters, unmatchable_reason
from bridge.mapping.selftest.runner import run_cases
from bridge.payloads.sparkplug.topic import NAMESPACE
from bridge.yaml_files import parse_document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from bridge.mapping.mapping import Mapping
    from bridge.model import Message

MAX_TOPICS: Final = 5_000
MAX_PROPOSALS: Final = 50
# Max number of messages of one topic that are examined.
_SAMPLES: Final = 20
_TESTED_BYTES: Final = 4_096
_TIMES: Final = frozenset(("ts", "time", "timestamp", "datetime", "date", "received_at", "created_at", "t"))
_FORMS: Final = ("payload", "payload_text", "payload_base64")
_SPARKPLUG: Final = f"{NAMESPACE}/{{group}}/{{type}}/{{node}}/{{device...}}"
_LEAST_SPARKPLUG_LEVELS: Final = 4
_NAMES: Final = {"number": "a number", "json": "JSON", "msgpack": "MessagePack", "cbor": "CBOR"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """Proposed mapping file: its name without `.yaml`, its text, and the messages that it is based on."""

    name: str
    text: str
    topic: str
    kind: PayloadKind
    topics: int
    messages: int
    odd: str = ""
    """Note on messages that are unlike the others and would become dead letters; "" if there are none."""
    why: str = ""
    """Values of each capture, and the expression of the partition key."""
    example: Message | None = None
    """Message of the mapping's test."""


@dataclass(slots=True)
class ObservedMessages:
    """Bounded sample of messages.

    `others` counts messages of topics beyond MAX_TOPICS, `cut` messages that are too long.
    """

    samples: dict[str, list[Message]] = field(default_factory=dict)
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    others: int = 0
    cut: int = 0

    def add(self, message: Message, *, whole: bool = True) -> None:
        """Add a message.

        If it is not `whole`, only the beginning of its payload is known, so the message is only counted.
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
    """Return mappings, those with the most messages first, and (topic, reason) for topics without one.

    `taken`: names of mappings that must not be used.
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
    edge = {topic for topic in kinds if topic[0] == NAMESPACE and len(topic) >= _LEAST_SPARKPLUG_LEVELS}
    if edge:
        yield TopicCluster(tuple(sorted(edge)), ())
    yield from topic_clusters({topic: kind for topic, kind in kinds.items() if topic not in edge})


def _messages(observed: ObservedMessages, shape: TopicCluster) -> int:
    return sum(observed.counts["/".join(topic)] for topic in shape.topics)


def _proposal(
    observed: ObservedMessages, shape: TopicCluster, kind: PayloadKind, stream: str, taken: Collection[str]
) -> Proposal | None:
    samples = [each for topic in shape.topics for each in observed.samples["/".join(topic)]]
    name = mapping_name(shape, taken) if shape.captured else free_name("sparkplug", taken)
    if not shape.writable:
        return None
    fitting = [each for each in samples if _value(MappingFileText("t", kind, stream, ""), each) is not None]
    for draft in _candidates(shape, kind, stream, fitting or samples):
        messages, topics = _messages(observed, shape), pluralize(len(shape.topics), "topic")
        said = f"Seen: {pluralize(messages, 'message')} on {topics}, such as {samples[0].topic}"
        chosen = fitting if draft.kind == kind and fitting else samples
        odd = _outlier_note(draft.kind, len(samples) - len(chosen), len(samples), messages)
        text, example = _tested(replace(draft, said=f"{said}. {odd}" if odd else said), chosen)
        if text:
            why = explained(draft.topic, shape.topics, draft.key_from)
            return Proposal(name, text, draft.topic, draft.kind, len(shape.topics), messages, odd, why, example)
    return None


def _outlier_note(kind: PayloadKind, odd: int, examined: int, messages: int) -> str:
    """Return the note on messages that differ from the others; "" if there are none.

    `examined`: number of messages in the sample, of `messages` that were seen.
    """
    if not odd:
        return ""
    verb, what = ("is", "a dead letter") if odd == 1 else ("are", "dead letters")
    sample = f"the {examined:,} examined" if examined < messages else f"{messages:,}"
    return f"{odd:,} of {sample} {verb} not {_NAMES.get(kind.payload, kind.payload)} and would be {what}"


def _candidates(
    shape: TopicCluster, kind: PayloadKind, stream: str, samples: list[Message]
) -> Iterator[MappingFileText]:
    """Yield candidates from the most specific to the most general one, which accepts any payload."""
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
    # Inside a list only a variable leads to the message. Elsewhere the plain names are easier to read.
    scope = "$" if kind.form == "objects" else ""
    parts = [f"{scope}captures"] if captured else []
    if not _has_time(kind, samples):
        parts.append(f"{{received_at: {scope}received_at}}")
    if kind.form == "objects":
        return f"payload[*].merge({', '.join(parts)}, @)" if parts else "payload"
    parts.append("payload" if kind.form == "object" else "{value: payload}")
    return f"merge({', '.join(parts)})" if len(parts) > 1 else parts[0]


def _has_time(kind: PayloadKind, samples: list[Message]) -> bool:
    """Return whether the payload contains a time, so that the record does not need the time of receipt."""
    if kind.form == "value":
        return False
    value = _value(MappingFileText("t", kind, "s", ""), samples[0])
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and not _TIMES.isdisjoint(key.lower() for key in first)


def _value(text: MappingFileText, message: Message) -> Any:
    parts = _compiled(text).parts
    try:
        return parts.codec.decode((parts.decompress(message) if parts.decompress else message).payload)
    except DecodeError:
        return None


def _tested(text: MappingFileText, samples: Iterable[Message]) -> tuple[str, Message | None]:
    """Return the file's text with a test that passes, and the test's message.

    The text is "" unless the mapping loads and accepts every sample.
    """
    samples = list(samples)
    try:
        mapping = _compiled(text)
        if not all(_takes(mapping, each) for each in samples):
            return "", None
    except ConfigError:
        return "", None
    # A short payload is preferred, because people read the test in the file.
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


def _takes(mapping: Mapping, message: Message) -> bool:
    captures = mapping.pattern.match(message.topic)
    if captures is None:
        return False
    sparkplug = mapping.specification.payload == "sparkplug_b"
    return not mapping.apply(message, captures, message.topic.split("/")).rejections or sparkplug


def _compiled(text: MappingFileText) -> Mapping:
    """Compile the text as the loader compiles a file. Raise ConfigError."""
    document = parse_document(str(text), "proposed.yaml", substitute=False, environ={}, base=Path())
    return compile_mapping("proposed", *read_specification(document), {})
