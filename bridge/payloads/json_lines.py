"""`payload: json_lines`: several JSON documents, which become a list. Each is decoded like `payload: json`.

Usually each line is a document (https://github.com/ndjson/ndjson-spec). Documents may also span several lines, or share
a line. JSON text sequences (https://www.rfc-editor.org/rfc/rfc7464.html) are read too. A payload is rejected if it has
an invalid document, no document, or over 1,048,576 lines, documents or values.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson

from bridge.errors import DecodeError
from bridge.payloads.json_values import MAX_VALUES, check_json_values
from bridge.payloads.text import decode_utf8, plain_utf8

# Characters between two documents: white space of JSON, and the separator of JSON text sequences.
_BETWEEN: Final = re.compile(r"[ \t\r\n\x1e]*")
# Maximum number of characters of the payload that an error message quotes.
_EXCERPT_CHARS: Final = 20


class JsonLinesDecoder:
    """Decoder of several JSON documents."""

    __slots__ = ()

    def decode(self, payload: bytes) -> list[Any]:
        """Return the values of the documents. Raise DecodeError."""
        plain = plain_utf8(payload)
        # The last line may end without a line break. So a line break at the very end is not counted.
        if plain.count(b"\n", 0, -1) >= MAX_VALUES:
            raise DecodeError(f"not usable: the payload has more than {MAX_VALUES:,} lines")
        check_json_values(plain)
        # The first attempt reads each line as a document, because this is the usual form and the fastest to read.
        try:
            values = [orjson.loads(line) for line in plain.split(b"\n") if line and not line.isspace()]
        except orjson.JSONDecodeError:
            values = _documents(decode_utf8(plain))
        if not values:
            raise DecodeError("not JSON lines: the payload is empty")
        return values


def _documents(text: str) -> list[Any]:
    """Return the values of documents that span several lines or share a line. Raise DecodeError."""
    # orjson cannot find the end of a document, so Python's json module does. Then orjson decodes the document, so that
    # its values are the same as with `payload: json`.
    end_of = json.JSONDecoder().raw_decode
    values: list[Any] = []
    at = _after_blanks(text, 0)
    while at < len(text):
        try:
            _, end = end_of(text, at)
            values.append(orjson.loads(text[at:end]))
        except RecursionError:
            raise _error("nested too deeply", text, at) from None
        except json.JSONDecodeError as error:
            # In an error of orjson, the offset counts from the start of the document. In an error of Python's json
            # module, the offset counts from the start of the text.
            place = error.pos if error.doc is text else at + error.pos
            raise _error(error.msg, text, place) from None
        except ValueError as error:  # Python's json module refuses an integer of thousands of digits
            raise _error(str(error)[:80], text, at) from None
        if len(values) > MAX_VALUES:
            raise DecodeError(f"not usable: the payload has more than {MAX_VALUES:,} documents")
        at = _after_blanks(text, end)
    return values


def _after_blanks(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found is not None else at


def _error(message: str, text: str, at: int) -> DecodeError:
    """Return the error with its line and column, both counted from 1, and the text found there."""
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    found = repr(text[at : at + _EXCERPT_CHARS]) if at < len(text) else "the end"
    return DecodeError(f"not JSON lines: {message}, at line {line}, column {column}: found {found}")
