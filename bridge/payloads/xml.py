"""`payload: xml`: one XML document, as an object in the form of the Python package xmltodict.

    <reading id="7"><temperature unit="C">21.5</temperature><alarm>A</alarm><alarm>B</alarm><note/></reading>

    {"reading": {"@id": 7, "temperature": {"@unit": "C", "#text": 21.5}, "alarm": ["A", "B"], "note": null}}

- An element that has neither attributes nor nested elements becomes its text, or null if it has no text. Blanks around
  a text are removed.
- Elements of the same name in one parent become a list. An element whose name is in the option `lists` always becomes a
  list.
- With `numbers: true` (the default), a text with a number in JSON's notation becomes a number, as in `payload: csv`.
- Names keep their namespace prefixes. Comments and processing instructions are skipped.
- The document is read in the encoding that it declares.

A document type declaration is rejected, because its entities could expand to gigabytes or read files. Documents with
over 128 levels, or over 400,000 elements and attributes, are rejected. A tag or comment over 1 MiB is rejected too,
because expat reads all attributes of a tag before the bridge can count them.
"""

from __future__ import annotations

from typing import Any, Final
from xml.parsers import expat

from bridge.errors import DecodeError
from bridge.payloads.csv import number
from bridge.payloads.encodings import codec_name
from bridge.payloads.json_values import MAX_DEPTH
from bridge.payloads.text import plain_utf8

MAX_PARTS: Final = 400_000
"""Maximum number of elements and attributes. Each of them takes up to 200 bytes of memory, so all take up to 80 MB."""
MAX_TAG_BYTES: Final = 1 << 20
"""Maximum size of a tag, a comment or a processing instruction.

Without this limit, a tag of 10 MiB with 900,000 attributes would take 300 MiB of memory.
"""
# Size of the parts in which a long document is passed to expat.
_CHUNK_BYTES: Final = 1 << 18
TEXT: Final = "#text"
ATTRIBUTE: Final = "@"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


class XmlDecoder:
    """Decoder of one XML document."""

    __slots__ = ("_encoding", "_lists", "_numbers")

    def __init__(self, lists: tuple[str, ...] = (), *, numbers: bool = True, encoding: str | None = None) -> None:
        """Read each element whose name is in `lists` as a list. `encoding` overrides the document's declaration."""
        self._lists = frozenset(lists)
        self._numbers = numbers
        self._encoding = encoding

    def decode(self, payload: bytes) -> dict[str, Any]:
        """Return the object with the document's root. Raise DecodeError."""
        if not payload:
            raise DecodeError("not XML: the payload is empty")
        encoding, data = self._encoding, payload.rstrip(b"\0")
        if payload.startswith(_UTF16_MARKS):
            # The NULs at the end must not be removed from UTF-16, because a NUL may be half of a character.
            encoding, data = "utf-8", plain_utf8(payload)
        try:
            parser = expat.ParserCreate(encoding)
            reader = _XmlReader(parser, self._lists, numbers=self._numbers)
            _parse(parser, data)
        except expat.ExpatError as error:
            message = expat.ErrorString(error.code)
            raise DecodeError(f"not XML: {message}, at line {error.lineno}, column {error.offset + 1}") from None
        except ValueError:
            # The document declares an encoding that expat does not support. expat supports only Unicode, and encodings
            # with one byte per character.
            raise DecodeError(
                "not usable: set `encoding` in the mapping to the encoding that the XML declares"
            ) from None
        return reader.root


def _parse(parser: expat.XMLParserType, data: bytes) -> None:
    """Parse a document. A long document is passed in chunks, to stop early if a tag is too long."""
    fed = 0
    while len(data) - fed > MAX_TAG_BYTES:
        parser.Parse(data[fed : fed + _CHUNK_BYTES])
        fed += _CHUNK_BYTES
        if fed - parser.CurrentByteIndex > MAX_TAG_BYTES:
            line = parser.CurrentLineNumber
            raise DecodeError(
                f"not usable: a tag or comment of the XML exceeds {MAX_TAG_BYTES:,} bytes, at line {line}"
            )
    parser.Parse(data[fed:] if fed else data, True)


class _Element:
    """An element whose end tag has not been read yet."""

    __slots__ = ("members", "name", "texts")

    def __init__(self, name: str, members: dict[str, Any]) -> None:
        self.name = name
        self.members = members
        self.texts: list[str] = []


class _XmlReader:
    """Handlers that expat calls while it parses. `root` is the result."""

    def __init__(self, parser: expat.XMLParserType, lists: frozenset[str], *, numbers: bool) -> None:
        self.root: dict[str, Any] = {}
        self._lists = lists
        self._value_of = number if numbers else (lambda text: text or None)
        self._open = [_Element("", self.root)]
        self._values = 0
        self._parser = parser
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse
        parser.XmlDeclHandler = self._declaration

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None:
            try:
                codec_name(encoding)
            except ValueError as error:
                raise DecodeError(f"not usable: the XML declares an {error}") from None

    def _refuse(self, *_declaration: Any) -> None:
        raise DecodeError("not usable: the XML has a document type declaration (DOCTYPE), which is not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._values += 1 + len(attributes)
        if self._values > MAX_PARTS or len(self._open) > MAX_DEPTH:
            raise DecodeError(
                f"not usable: the XML has more than {MAX_DEPTH} levels or {MAX_PARTS:,} elements and attributes, "
                f"at line {self._parser.CurrentLineNumber}"
            )
        members = {ATTRIBUTE + key: self._value_of(value) for key, value in attributes.items()}
        self._open.append(_Element(name, members))

    def _text(self, text: str) -> None:
        self._open[-1].texts.append(text)

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        text = self._value_of("".join(element.texts).strip())
        value: Any = element.members
        if not value:
            value = text
        elif text is not None:
            value[TEXT] = text
        self._add(self._open[-1].members, element.name, value)

    def _add(self, members: dict[str, Any], name: str, value: Any) -> None:
        """Add an element to its parent's members."""
        if name not in members:
            members[name] = [value] if name in self._lists else value
        elif type(members[name]) is list:
            # `value` is never a list. So a list in `members` was created here, for repeated elements of this name.
            members[name].append(value)
        else:
            members[name] = [members[name], value]
