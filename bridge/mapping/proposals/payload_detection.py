"""Detection of the payload format of a topic: the most specific format that decodes all observed payloads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import DecodeError
from bridge.payloads import DECODERS
from bridge.payloads.compression import DEFAULT_LIMIT, compression_of, decompressor
from bridge.payloads.csv import CsvDecoder, number
from bridge.payloads.sparkplug.topic import NAMESPACE, STATE
from bridge.payloads.text import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Delimiters of CSV that are tried, in this order.
_DELIMITERS: Final = (",", ";", "\t")
# Text with more columns is probably not CSV.
_MAX_COLUMNS: Final = 200
# Number of levels in the Sparkplug topic spBv1.0/STATE/HOST, which has fewer levels than topics of edge nodes.
_HOST_LEVELS: Final = 3


@dataclass(frozen=True, slots=True)
class PayloadKind:
    """Format of the payloads of a topic.

    - `payload`, `compression`: the options of a mapping
    - `form`: "object" if each payload is an object, "objects" if each payload is a list of objects, else "value"
    - `columns`, `delimiter`: the options of `csv`; `columns` is None if the first line of each payload has the names
    """

    payload: str
    compression: str = "none"
    form: str = "value"
    columns: tuple[str, ...] | None = None
    delimiter: str = ","


def kind_of(topic: str, payloads: Sequence[bytes]) -> PayloadKind | None:
    """Return the format of a topic's payloads, or None if all payloads are empty."""
    told = [payload for payload in payloads if payload]
    if not told:
        return None
    levels = topic.split("/")
    if levels[0] == NAMESPACE and (len(levels) > _HOST_LEVELS or (len(levels) == _HOST_LEVELS and levels[1] == STATE)):
        return PayloadKind("sparkplug_b")
    compression, opened = _opened(told)
    found = _plain_kind(opened)
    return PayloadKind(found.payload, compression, found.form, found.columns, found.delimiter)


def _opened(payloads: list[bytes]) -> tuple[str, list[bytes]]:
    """Return the option `compression` for these payloads, and the decompressed payloads."""
    marked = {compression_of(each) for each in payloads}
    if marked <= {None}:
        return "none", payloads
    # If the messages of a topic differ in their compression, use `auto`, which detects the compression of each message.
    alone = next(iter(marked))
    name = alone if len(marked) == 1 and alone is not None else "auto"
    try:
        return name, [decompressor(name, DEFAULT_LIMIT, text=True)(each) for each in payloads]
    except DecodeError:
        # The first bytes look like compressed data, but the data is not compressed.
        return "none", payloads


def _plain_kind(payloads: list[bytes]) -> PayloadKind:
    """Return the format of payloads that are not compressed."""
    # The most specific format comes first: a number is also valid JSON, and JSON is also valid text.
    if _read("number", payloads) is not None:
        return PayloadKind("number")
    values = _read("json", payloads)
    if values is not None:
        return PayloadKind("json", form=_form(values))
    if _read("text", payloads) is not None and all(_printable(each) for each in payloads):
        return _structured(payloads) or _csv(payloads) or PayloadKind("text")
    for name in ("msgpack", "cbor"):
        values = _read(name, payloads)
        # MessagePack and CBOR also decode many payloads of other formats, for example as a number. So a payload only
        # counts as MessagePack or CBOR if it is an object or a list of objects.
        if values is not None and all(values) and (form := _form(values)) != "value":
            return PayloadKind(name, form=form)
    return PayloadKind("bytes")


def _structured(payloads: list[bytes]) -> PayloadKind | None:
    """Return the format of text that consists of JSON lines, line protocol or XML, or None for other text."""
    values = _read("json_lines", payloads)
    if values is not None and _form(values) == "objects":
        return PayloadKind("json_lines", form="objects")
    for name, form in (("line_protocol", "objects"), ("xml", "object")):
        if _read(name, payloads) is not None:
            return PayloadKind(name, form=form)
    return None


def _read(name: str, payloads: Iterable[bytes]) -> list[Any] | None:
    """Return the values of the payloads in this format, or None if the format cannot decode all payloads."""
    try:
        return [DECODERS[name].decode(each) for each in payloads]
    except DecodeError:
        return None


def _form(values: list[Any]) -> str:
    """Return the `form` of PayloadKind for these values."""
    if all(isinstance(value, dict) for value in values):
        return "object"
    lists = all(isinstance(value, list) and value for value in values)
    return "objects" if lists and all(isinstance(item, dict) for value in values for item in value) else "value"


def _printable(payload: bytes) -> bool:
    # U+001E separates the records of a JSON text sequence (RFC 7464).
    return all(char.isprintable() or char in "\t\r\n\x1e" for char in decode_text(payload))


def _csv(payloads: list[bytes]) -> PayloadKind | None:
    """Return the kind for CSV with its options, or None if the text is probably not CSV.

    All rows must have the same number of fields. In addition, the text must have a header, or a number in every row.
    Otherwise, prose with commas would count as CSV.
    """
    for delimiter in _DELIMITERS:
        rows = [line.split(delimiter) for each in payloads for line in decode_text(each).splitlines() if line]
        width = len(rows[0]) if rows else 0
        if not 1 < width <= _MAX_COLUMNS or any(len(row) != width for row in rows):
            continue
        columns = tuple(f"column_{place}" for place in range(1, width + 1))
        for kind in (
            PayloadKind("csv", form="objects", delimiter=delimiter),
            PayloadKind("csv", "none", "objects", columns, delimiter),
        ):
            if (kind.columns or _has_header(payloads, delimiter)) and _reads(kind, payloads, rows):
                return kind
    return None


def _has_header(payloads: list[bytes], delimiter: str) -> bool:
    """Return whether all payloads have the same first line, which contains only names, and further lines."""
    heads = {decode_text(each).split("\n", 1)[0].strip() for each in payloads}
    names = min(heads).split(delimiter)
    more = all(len(decode_text(each).splitlines()) > 1 for each in payloads)
    return len(heads) == 1 and more and all(name.strip() and isinstance(number(name), str) for name in names)


def _reads(kind: PayloadKind, payloads: list[bytes], rows: list[list[str]]) -> bool:
    """Return whether this kind of CSV decodes all payloads. Without a header, every row must contain a number."""
    if kind.columns and not all(any(isinstance(number(field), int | float) for field in row) for row in rows):
        return False
    decoder = CsvDecoder(kind.columns, kind.delimiter)
    try:
        return all(decoder.decode(each) for each in payloads)
    except DecodeError:
        return False
