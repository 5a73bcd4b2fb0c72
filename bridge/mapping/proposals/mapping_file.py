"""Text of a proposed mapping file.

The file contains a test with an observed message and the records that the mapping creates from this message.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.proposals.yaml_text import comment, yaml_text
from bridge.mapping.rendering import shown_data, shown_key
from bridge.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.mapping.mapping import Mapping
    from bridge.mapping.proposals.payload_detection import PayloadKind
    from bridge.model import Message, NewRecord

MAX_COMMENT_CHARS: Final = 300
"""Maximum number of characters of the comment at the beginning of a file. The comment contains an observed topic."""


@dataclass(frozen=True, slots=True)
class MappingFileText:
    """Contents of a mapping file. `str` returns the text of the file.

    `first_comment` is the comment at the beginning of the file. `tests` are the lines that `test_lines` yields.
    """

    topic: str
    kind: PayloadKind
    stream: str
    first_comment: str
    transform: str = ""
    each: bool = False
    where: str = ""
    key_from: str = ""
    tests: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"# {comment(self.first_comment[:MAX_COMMENT_CHARS])}"
        yield f"topic: {yaml_text(self.topic)}"
        yield f"payload: {self.kind.payload}"
        if self.kind.payload == "csv":
            header = list(self.kind.columns) if self.kind.columns else "first_line"
            yield f"csv: {yaml_text({'header': header, 'delimiter': self.kind.delimiter})}"
        if self.kind.compression != "none":
            yield f"compression: {self.kind.compression}"
        for name, text in (("where", self.where), ("transform", self.transform)):
            if text:
                yield f"{name}: |"
                yield f"  {text}"
        if self.each:
            yield "each: true"
        yield "outputs:"
        yield f"  - data_stream: {yaml_text(self.stream)}"
        if self.key_from:
            yield "    # One key, one shard: what has the same key keeps its order."
            yield f"    partition_key_from: {self.key_from}"
        yield from self.tests


def test_lines(mapping: Mapping, message: Message, value: Any, form: str) -> Iterator[str]:
    """Yield the lines of a test with an observed message, and with the records that the mapping creates.

    `form` is the option for the payload: `payload`, `payload_text` or `payload_base64`. `value` is the decoded payload.
    Raise UnicodeDecodeError if the payload is not UTF-8 and `form` is `payload_text`.
    """
    yield "tests:"
    yield "  - name: as observed"
    yield f"    topic: {yaml_text(message.topic)}"
    yield f"    {form}: {yaml_text(_payload(message.payload, value, form))}"
    yield f"    received_at: {yaml_text(rfc3339(message.received_at_ms))}"
    drafts = mapping.all_records(
        mapping.apply(message, mapping.pattern.match(message.topic) or {}, message.topic.split("/"))
    )
    if not drafts:
        yield "    expect: filtered"
        return
    yield "    expect:"
    for draft in drafts:
        yield f"      - data_stream: {yaml_text(mapping.outputs[draft.output].data_stream)}"
        yield f"        partition_key: {yaml_text(shown_key(draft))}"
        (name, data), *_ = _record(mapping, draft, form).items()
        yield f"        {name}: {yaml_text(data)}"


def _payload(payload: bytes, value: Any, form: str) -> Any:
    if form == "payload":
        return value
    return payload.decode() if form == "payload_text" else base64.b64encode(payload).decode()


def _record(mapping: Mapping, draft: NewRecord, form: str) -> dict[str, Any]:
    data = mapping.content(draft)
    if form == "payload":
        return shown_data(mapping, data)
    try:
        return {"data_text": data.decode()}
    except UnicodeDecodeError:
        return {"data_base64": base64.b64encode(data).decode()}
