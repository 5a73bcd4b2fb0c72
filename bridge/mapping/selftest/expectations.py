"""Comparison of the result that a test expects with the result of the mapping. Differences are lines of text."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.file_models.selftest_spec import ExpectedDeadLetter, ExpectedRecord
from bridge.mapping.rendering import SPREAD, cut, printable, record_line, rejection_line, shown_data, shown_key, written
from bridge.mapping.selftest.value_diff import changes, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.mapping.mapping import Mapping
    from bridge.mapping.selftest.value_diff import Change
    from bridge.model import MappingResult, NewRecord

# Maximum number of characters of a record that a line shows.
_RECORD_CHARS: Final = 200


def failures(
    mapping: Mapping, expect: Sequence[ExpectedRecord] | str | ExpectedDeadLetter, mapped: MappingResult
) -> list[str]:
    """Return lines that describe the differences between expected and actual result, or [] if both are equal."""
    # Cases, in this order:
    # 1. The test expects a dead letter.
    # 2. The test expects no record.
    # 3. The test expects records, but the mapping returned none.
    # 4. The test expects records, and the mapping returned records. Compare the records one by one.
    if isinstance(expect, ExpectedDeadLetter):
        codes = [rejection.code for rejection in mapped.rejections]
        met = bool(codes) and not mapped.drafts and set(codes) == {expect.dead_letter}
        return [] if met else [_labelled("expected", f"dead letter {expect.dead_letter}"), *_actual(mapping, mapped)]
    if not expect or isinstance(expect, str):
        met = not mapped.drafts and not mapped.rejections
        return [] if met else [_labelled("expected", "nothing: filtered"), *_actual(mapping, mapped)]
    if not mapped.drafts:
        wanted = [_labelled("expected", _expected_line(record)) for record in expect]
        return [*wanted, *_actual(mapping, mapped)]
    rejections = [_labelled("dead letter", rejection_line(mapping, each)) for each in mapped.rejections]
    return [*_Records(mapping, expect, mapped.drafts).failures(), *rejections]


def _actual(mapping: Mapping, mapped: MappingResult) -> Iterator[str]:
    """Yield lines with the records and dead letters that the mapping returned."""
    yield from (_labelled("got", record_line(mapping, draft, _RECORD_CHARS)) for draft in mapped.drafts)
    yield from (_labelled("got", f"dead letter {rejection_line(mapping, each)}") for each in mapped.rejections)
    if not mapped.drafts and not mapped.rejections:
        yield _labelled("got", "nothing: filtered")


def _labelled(label: str, text: str) -> str:
    return f"{label:<13}{text}"


def _expected_line(record: ExpectedRecord) -> str:
    """Return an expected record as one line."""
    key = "" if record.partition_key in {None, SPREAD} else f", key '{record.partition_key}'"
    value = record.data_text if record.data_text is not None else record.data_base64
    text = written(record.data) if "data" in record.model_fields_set else str(value)
    return printable(f"{record.data_stream}{key}: {cut(text, _RECORD_CHARS)}")


class _Records:
    """Comparison of the expected records with the records of the mapping.

    First, equal records at the beginning and at the end are paired. Without this step, one additional record would make
    all later records look wrong. Then, the remaining records are paired with records of the same stream, in order.
    """

    def __init__(self, mapping: Mapping, expected: Sequence[ExpectedRecord], made: Sequence[NewRecord]) -> None:
        self._mapping = mapping
        self._expected = expected
        self._made = made

    def failures(self) -> list[str]:
        """Return lines with the differences, or an empty list if all records are as expected."""
        begin, end = self._same_ends()
        wanted = list(range(begin, len(self._expected) - end))
        drafts = self._made[begin : len(self._made) - end]
        made = list(range(begin, begin + len(drafts)))
        lines: list[str] = []
        pairs = self._pairs(wanted, made)
        for one, other in pairs:
            found = self._changes(one, other)
            if found:
                stream = self._expected[one].data_stream
                lines += [f"record {one + 1}, {stream}:", *(f"  {line}" for line in table(found, "expected", "got"))]
        lines += [
            _labelled("not made", f"record {one + 1}, {_expected_line(self._expected[one])}")
            for one in wanted
            if one not in {pair[0] for pair in pairs}
        ]
        lines += [
            _labelled("not expected", record_line(self._mapping, self._made[other], _RECORD_CHARS))
            for other in made
            if other not in {pair[1] for pair in pairs}
        ]
        # All pairs are equal, but some records are at different positions: only the order is wrong.
        if not lines and any(one != other for one, other in pairs):
            order = ", ".join(self._stream(other) for other in made)
            return [f"the records are as expected, but in another order: {order}"]
        return lines

    def _same_ends(self) -> tuple[int, int]:
        """Return how many records are equal at the beginning, and how many at the end."""
        shorter = min(len(self._expected), len(self._made))
        begin = next((place for place in range(shorter) if self._changes(place, place)), shorter)
        last, last_made = len(self._expected) - 1, len(self._made) - 1
        # A record that is counted at the beginning must not be counted at the end again.
        left = shorter - begin
        end = next((back for back in range(left) if self._changes(last - back, last_made - back)), left)
        return begin, end

    def _pairs(self, wanted: list[int], made: list[int]) -> list[tuple[int, int]]:
        """Return pairs of indices. First pair the records of the same stream, then the other records, in order."""
        free = list(made)
        pairs: dict[int, int] = {}
        for one in wanted:
            other = next((each for each in free if self._stream(each) == self._expected[one].data_stream), None)
            if other is not None:
                pairs[one] = other
                free.remove(other)
        rest = [one for one in wanted if one not in pairs]
        return sorted({**pairs, **dict(zip(rest, free, strict=False))}.items())

    def _stream(self, other: int) -> str:
        return self._mapping.outputs[self._made[other].output].data_stream

    def _changes(self, one: int, other: int) -> list[Change]:
        """Return the differences between the expected record `one` and the actual record `other`.

        Options that the test does not contain are not compared.
        """
        wanted = self._expected[one]
        expected = wanted.model_dump(include=wanted.model_fields_set)
        draft = self._made[other]
        got: dict[str, Any] = {"data_stream": self._stream(other), **self._data(wanted, self._mapping.content(draft))}
        if wanted.partition_key is None:
            expected.pop("partition_key", None)
        else:
            got["partition_key"] = shown_key(draft)
        return changes(expected, got)

    def _data(self, wanted: ExpectedRecord, data: bytes) -> dict[str, Any]:
        """Return the data of a record in the form that the test uses: `data`, `data_text` or `data_base64`."""
        if wanted.data_base64 is not None:
            return {"data_base64": base64.b64encode(data).decode()}
        if wanted.data_text is not None:
            return {"data_text": data.decode(errors="backslashreplace")}
        return shown_data(self._mapping, data)
