"""Explanation of what each mapping does with one message, step by step, for the command `try`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bridge.mapping.mapping import compile_pipeline
from bridge.mapping.pipeline.message_pipeline import NOT_DECODED
from bridge.mapping.pipeline.scope import VARS, scope_builder
from bridge.mapping.rendering import cut, printable, record_line, rejection_line, written
from bridge.mapping.topics.pattern import mismatch
from bridge.yaml_files.type_descriptions import one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bridge.mapping.expressions.expression import Expression
    from bridge.mapping.mapping import Mapping
    from bridge.mapping.pipeline.message_pipeline import Apply
    from bridge.mapping.pipeline.scope import BuildScope, Scope
    from bridge.mapping.stateful.change_filter import ChangeRow
    from bridge.model import MappingResult, Message

_LABEL_CHARS = 13
_EXCLUDED = "excluded"
# Label of the step that evaluates a part of `where` before the payload is decoded.
_EARLY_WHERE = "early where"


@dataclass(frozen=True, slots=True)
class MappingExplanation:
    """Explanation of the result of one mapping.

    `steps` are pairs of label and text, in the order of the pipeline. The last steps show the records, or the reason
    why there are no records. `mapped` is the result, or None if the topic does not match.
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
    """Explanations of all mappings for one message.

    Matching mappings come first. The other mappings are sorted by the number of topic levels that match, highest first.
    """

    topic: str
    mappings: tuple[MappingExplanation, ...]

    @property
    def matched(self) -> bool:
        """True if at least one mapping's topic pattern matches."""
        return any(each.mapped is not None for each in self.mappings)

    def render(self, *, broken: bool = False) -> str:
        """Return plain text: the steps of each matching mapping, or the reason why no mapping matches.

        Set `broken` if the folder also contains mappings with errors. The topics of these mappings are unknown, so one
        of these mappings may match the topic.
        """
        if self.matched:
            others = ", ".join(each.name for each in self.mappings if each.mapped is None)
            parts = [each.render() for each in self.mappings if each.mapped is not None]
            return "\n\n".join([*parts, *([f"the topic does not match: {others}"] if others else [])])
        excluded = any(_EXCLUDED in each.steps[-1] for each in self.mappings)
        what = (
            "it is excluded, and such messages are filtered"
            if excluded
            else "the bridge does not receive such messages"
        )
        unmatched = f"no mapping matches the topic '{printable(self.topic)}': {what}"
        if broken:
            unmatched = (
                f"no valid mapping matches the topic '{printable(self.topic)}'; a mapping with errors is not used"
            )
        return "\n\n".join([*(each.render() for each in self.mappings), unmatched])


def explain(mappings: Iterable[Mapping], message: Message) -> Explanation:
    """Explain what each mapping does with a message. Never raise."""
    levels = message.topic.split("/")
    found = [(_matching_levels(mapping, levels), _explain(mapping, message)) for mapping in mappings]
    # The sort is stable, so mappings with the same number of matching levels keep their order.
    found.sort(key=lambda each: each[0], reverse=True)
    return Explanation(message.topic, tuple(explanation for _, explanation in found))


def _matching_levels(mapping: Mapping, levels: list[str]) -> float:
    """Return the number of levels before the first mismatch, or infinity if the topic matches."""
    place = mismatch(mapping.pattern.levels, levels)
    return math.inf if place is None else place


def _explain(mapping: Mapping, message: Message) -> MappingExplanation:
    """Return the explanation of one mapping: its steps, or the reason why the topic does not match."""
    levels = message.topic.split("/")
    place = mismatch(mapping.pattern.levels, levels)
    if place is not None:
        why = (("topic", mapping.pattern.text), ("no match", _why_not(mapping, levels, place)))
        return MappingExplanation(mapping.name, why, None)
    exception = mapping.pattern.exception(levels)
    if exception is not None:
        why = (("topic", mapping.pattern.text), (_EXCLUDED, f"by except: {exception}"))
        return MappingExplanation(mapping.name, why, None)
    captures = mapping.pattern.captures(levels)
    trace = _Trace(mapping)
    mapped = trace.pipeline()(message, captures, levels)
    steps = (
        ("topic", f"{mapping.pattern.text} (subscribed as {mapping.pattern.filter}, QoS {mapping.specification.qos})"),
        *([("captures", ", ".join(f"{name} = {value}" for name, value in captures.items()))] if captures else []),
        # If there are no steps and no rejection, the pipeline has skipped a retained message.
        *(trace.steps or (_skipped() if not mapped.rejections else ())),
        *_output_lines(mapping, mapped),
    )
    return MappingExplanation(mapping.name, steps, mapped)


class _Trace:
    """Recorder of the steps of a mapping's pipeline.

    The recorder builds a second pipeline from the parts of the mapping. Each part is wrapped in a function that records
    the result of the part. Like `Mapping.apply`, the second pipeline changes the state of a stateful mapping.
    """

    def __init__(self, mapping: Mapping) -> None:
        self.steps: list[tuple[str, str]] = []
        self._mapping = mapping

    def pipeline(self) -> Apply:
        """Return a pipeline that appends its steps to `steps`."""
        parts = self._mapping.parts
        traced = replace(
            parts,
            decompress=parts.decompress and self._decompress(parts.decompress),
            transcode=parts.transcode and self._transcode(parts.transcode),
            # The mapping's own decoder and scope omit values that no expression reads. The explanation shows all
            # values, so it uses a decoder and a scope that omit nothing.
            decode=parts.codec.decode,
            scope=self._scope(scope_builder(self._mapping.name, None)),
            define=parts.define and self._define(parts.define),
            where=parts.where and self._expression("where", parts.where),
            early_where=parts.early_where and self._expression(self._early_label(), parts.early_where),
            transform=parts.transform and self._expression("transform", parts.transform),
        )
        return compile_pipeline(traced, self._mapping.stateful, self._stage)

    def _early_label(self) -> str:
        return "where" if self._mapping.parts.early_where_is_complete else _EARLY_WHERE

    def _decompress(self, decompress: Callable[[Message], Message]) -> Callable[[Message], Message]:
        def traced(message: Message) -> Message:
            opened = decompress(message)
            sizes = f"{len(message.payload)} -> {len(opened.payload)} bytes"
            self.steps.append(("compression", f"{self._mapping.specification.compression}, {sizes}"))
            return opened

        return traced

    def _transcode(self, transcode: Callable[[Message], Message]) -> Callable[[Message], Message]:
        def traced(message: Message) -> Message:
            converted = transcode(message)
            self.steps.append(("encoding", f"{self._mapping.specification.encoding}, converted to UTF-8"))
            return converted

        return traced

    def _scope(self, build: BuildScope) -> BuildScope:
        def traced(message: Message, payload: Any, captures: dict[str, str], levels: list[str]) -> Scope:
            if payload is not NOT_DECODED:
                self.steps.append(("payload", f"({self._mapping.specification.payload}) {_shown(payload)}"))
            return build(message, payload, captures, levels)

        return traced

    def _define(self, define: Callable[[Scope], None]) -> Callable[[Scope], None]:
        def traced(scope: Scope) -> None:
            define(scope)
            self.steps += [(VARS, f"{name} = {_shown(value)}") for name, value in scope[VARS].items()]

        return traced

    def _expression(self, label: str, expression: Expression) -> Expression:
        text = _one_line(expression)
        if label == _EARLY_WHERE:
            text = f"the part that reads {one_of(sorted(expression.names or ()))} only"

        def traced(scope: Any) -> Any:
            value = expression.search(scope)
            self.steps.append((label, f"{text} -> {_shown(value)}"))
            return value

        return replace(expression, search=traced)

    def _stage(self, label: str, row: ChangeRow | None) -> None:
        """Record a step of the stage `label`, which is "changes" or "sample".

        For "changes", `row` is the row to store, or None if the message is filtered. For "sample", `row` is None.
        """
        if label == "changes":
            unchanged = "the value has not changed enough since the last message sent"
            self.steps.append((label, unchanged if row is None else f"sent, and stored as {row.key!r}"))
        elif (options := self._mapping.specification.sample) is not None:
            self.steps.append((label, f"keep {options.keep} of every {options.every_secs:g} s"))


def _skipped() -> tuple[tuple[str, str], ...]:
    return (("retained", "skip: the message was retained by the broker"),)


def _why_not(mapping: Mapping, levels: list[str], place: int) -> str:
    """Return the reason why the topic does not match. `place` is the index of the first level that differs."""
    wanted = mapping.pattern.text.split("/")
    # A wildcard at the first level does not match topics that begin with $ (MQTT 5, 4.7.2).
    if place == 0 and levels[0].startswith("$") and mapping.pattern.levels[0] in {"+", "#"}:
        return f"wildcards at the beginning do not match '{levels[0]}': topics with $ are the broker's own"
    if place >= len(levels):
        return f"the topic ends after level {len(levels)}; the pattern continues with '{wanted[place]}'"
    if place >= len(wanted):
        return f"the pattern ends after level {len(wanted)}; the topic continues with '{levels[place]}'"
    return f"level {place + 1} is '{levels[place]}'; the pattern has '{wanted[place]}'"


def _output_lines(mapping: Mapping, mapped: MappingResult) -> Iterator[tuple[str, str]]:
    """Yield one step per record, dead letter and command. Without such steps, yield the reason why nothing is sent."""
    for draft in mapped.drafts:
        key_from = mapping.parts.keys[draft.output]
        if key_from is not None:
            yield "key", f"{_one_line(key_from)} -> {_shown(draft.key)}"
        yield "record", record_line(mapping, draft)
    yield from (("dead letter", rejection_line(mapping, rejection)) for rejection in mapped.rejections)
    effects = mapped.effects
    for command in effects.commands if effects is not None else ():
        yield "command", f"requests a rebirth: {command.topic}"
    if not mapped.drafts and not mapped.rejections:
        # `sample` holds a message until the end of its span of time. A held message does not count as filtered.
        held = effects is not None and not effects.filtered
        yield ("held", "until its span has ended") if held else ("filtered", "nothing is sent")


def _one_line(expression: Expression) -> str:
    return " ".join(expression.text.split())


def _shown(value: Any) -> str:
    return cut(written(value))
