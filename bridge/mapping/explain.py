"""Step-by-step explanation of what each mapping does with one message, for the command `try`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.mapping.expressions.expression import truthy
from bridge.mapping.pipeline.decoding import decoder, decompression
from bridge.mapping.pipeline.scope import scope_builder
from bridge.mapping.rendering import cut, printable, record_line, rejection_line, written
from bridge.mapping.stateful.overlay_state import OverlayState
from bridge.mapping.stateful.stages import reader
from bridge.mapping.topics.pattern import mismatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.mapping.expressions.expression import Expression
    from bridge.mapping.mapping import Mapping
    from bridge.mapping.pipeline.scope import Scope
    from bridge.model import MappingResult, Message

_LABEL_CHARS = 13


@dataclass(frozen=True, slots=True)
class MappingExplanation:
    """Explanation of one mapping's result. `mapped` is None if the topic does not match.

    `steps` are pairs of label and text, in the order of the pipeline. The last ones show the records, or why there is
    none.
    """

    name: str
    steps: tuple[tuple[str, str], ...]
    mapped: MappingResult | None

    def render(self) -> str:
        """Return the steps as plain text, one line per step."""
        lines = [f"  {label:<{_LABEL_CHARS}}{printable(text)}" for label, text in self.steps]
        return "\n".join([f"{self.name}:", *lines])


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanations of all mappings: matching mappings first, then the others by the number of levels that match."""

    topic: str
    mappings: tuple[MappingExplanation, ...]

    @property
    def matched(self) -> bool:
        """True if at least one mapping's topic pattern matches."""
        return any(each.mapped is not None for each in self.mappings)

    def render(self) -> str:
        """Return plain text: the steps of each matching mapping, or why no mapping matches."""
        if self.matched:
            others = ", ".join(each.name for each in self.mappings if each.mapped is None)
            parts = [each.render() for each in self.mappings if each.mapped is not None]
            return "\n\n".join([*parts, *([f"the topic is not that of: {others}"] if others else [])])
        told = f"no mapping matches the topic '{printable(self.topic)}': the bridge does not receive such messages"
        return "\n\n".join([*(each.render() for each in self.mappings), told])


def explain(mappings: Iterable[Mapping], message: Message) -> Explanation:
    """Explain what each mapping does with a message, and why. Never raise for a bad message."""
    levels = message.topic.split("/")
    found = [(_matching_levels(mapping, levels), _explain(mapping, message)) for mapping in mappings]
    # The sort is stable: mappings with equally many matching levels stay in their order.
    found.sort(key=lambda each: each[0], reverse=True)
    return Explanation(message.topic, tuple(explanation for _, explanation in found))


def _matching_levels(mapping: Mapping, levels: list[str]) -> float:
    """Return how many levels match before the first mismatch; infinity if the topic matches."""
    place = mismatch(mapping.pattern.levels, levels)
    return math.inf if place is None else place


def _explain(mapping: Mapping, message: Message) -> MappingExplanation:
    """Explain one mapping: why its topic does not match, or the steps and the result."""
    levels = message.topic.split("/")
    place = mismatch(mapping.pattern.levels, levels)
    if place is not None:
        why = (("topic", mapping.pattern.text), ("no match", _why_not(mapping, levels, place)))
        return MappingExplanation(mapping.name, why, None)
    captures = mapping.pattern.captures(levels)
    # The explanation comes first: `apply` changes the state of a stateful mapping.
    evaluated = [*_evaluated(mapping, message, captures, levels)]
    mapped = mapping.apply(message, captures, levels)
    steps = (
        ("topic", f"{mapping.pattern.text} (subscribed as {mapping.pattern.filter}, QoS {mapping.specification.qos})"),
        *([("captures", ", ".join(f"{name} = {value}" for name, value in captures.items()))] if captures else []),
        *evaluated,
        *_made(mapping, mapped),
    )
    return MappingExplanation(mapping.name, steps, mapped)


def _why_not(mapping: Mapping, levels: list[str], place: int) -> str:
    """Return the reason why the topic does not match. `place` is the index of the first level that differs."""
    wanted = mapping.pattern.text.split("/")
    # MQTT 4.7.2
    if place == 0 and levels[0].startswith("$") and mapping.pattern.levels[0] in {"+", "#"}:
        return f"wildcards at the beginning do not match '{levels[0]}': topics with $ are the broker's own"
    if place >= len(levels):
        return f"the topic ends after level {len(levels)}; the pattern goes on with '{wanted[place]}'"
    if place >= len(wanted):
        return f"the pattern ends after level {len(wanted)}; the topic goes on with '{levels[place]}'"
    return f"level {place + 1} is '{levels[place]}'; the pattern has '{wanted[place]}'"


def _evaluated(
    mapping: Mapping, message: Message, captures: dict[str, str], levels: list[str]
) -> Iterator[tuple[str, str]]:
    """Yield the steps up to the one that decides.

    This evaluates them a second time: `apply` returns only the result, which holds the reason for a rejection.
    """
    if mapping.specification.retained == "skip" and message.retain:
        yield "retained", "skip: the message was retained by the broker"
        return
    try:
        decompress = decompression(mapping.specification)
        if decompress is not None:
            packed, message = len(message.payload), decompress(message)
            yield "compression", f"{mapping.specification.compression}, {packed} -> {len(message.payload)} bytes"
        payload = _payload(mapping, message)
        yield "payload", f"({mapping.specification.payload}) {_shown(payload)}"
        scope = scope_builder(mapping.name, None)(message, payload, captures, levels)
        if mapping.steps.where is not None:
            value = mapping.steps.where.search(scope)
            yield "where", f"{_one_line(mapping.steps.where)} -> {_shown(value)}"
            if not truthy(value):
                return
        yield from _remembered(mapping, scope, message)
        if mapping.steps.transform is not None:
            value = mapping.steps.transform.search(scope)
            yield "transform", f"{_one_line(mapping.steps.transform)} -> {_shown(value)}"
    except Exception:  # noqa: BLE001 - `apply` failed in the same way, and its result holds the rejection
        return


def _payload(mapping: Mapping, message: Message) -> Any:
    """Return the decoded payload.

    Stateful mappings decode against an overlay, and request no rebirth: an explanation must not change their state.
    """
    if mapping.stateful is None:
        return decoder(mapping.specification)(message.payload)
    read = reader(mapping.specification, mapping.steps, asks=False)
    return read(message, OverlayState(mapping.stateful.memory))[0]


def _remembered(mapping: Mapping, scope: Scope, message: Message) -> Iterator[tuple[str, str]]:
    """Yield the steps `changes` and `sample`. A message that is tried alone is the first one of its key."""
    stages = mapping.stateful
    if stages is None:
        return
    if stages.changes is not None:
        row = stages.changes.look(scope, message, stages.memory)
        yield "changes", "not enough since the last one sent" if row is None else f"sent, and remembered as {row.key!r}"
    if stages.sampling is not None:
        options = mapping.specification.sample
        stages.sampling.show_alone(scope, message)
        yield "sample", f"keep {options.keep} of every {options.every_secs:g} s" if options is not None else ""


def _made(mapping: Mapping, mapped: MappingResult) -> Iterator[tuple[str, str]]:
    """Yield the records with their keys, the dead letters and the commands; or that the message is held or filtered."""
    for draft in mapped.drafts:
        key_from = mapping.steps.keys[draft.output]
        if key_from is not None:
            yield "key", f"{_one_line(key_from)} -> {_shown(draft.key)}"
        yield "record", record_line(mapping, draft)
    yield from (("dead letter", rejection_line(mapping, rejection)) for rejection in mapped.rejections)
    effects = mapped.effects
    for command in effects.commands if effects is not None else ():
        yield "command", f"asks for a rebirth: {command.topic}"
    if not mapped.drafts and not mapped.rejections:
        # A held message has effects, and does not count as filtered before its span has ended.
        held = effects is not None and not effects.filtered
        yield ("held", "until its span has ended") if held else ("filtered", "nothing is sent")


def _one_line(expression: Expression) -> str:
    return " ".join(expression.text.split())


def _shown(value: Any) -> str:
    return cut(written(value))
