"""One version of a mapping file in the history. It is a file with a line of JSON about the change, and then the text.

    {"number":42,"name":"press","action":"save","by":"Anna","note":"new sensor","at_ms":…,"version":"5f0c…",
     "bytes":812,"was":"press.yaml","file":"press.yaml"}
    topic: factory/{site}/{machine}/telemetry
    ...

`version` is a digest of the text, so that damage is found when the file is read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

import orjson

from bridge.web.editing.mapping_folder import version_of

Action: TypeAlias = Literal["save", "rename", "disable", "enable", "delete", "rollback", "changed on disk"]
_FIELDS: Final = {
    "number": int,
    "name": str,
    "action": str,
    "by": str,
    "note": str,
    "at_ms": int,
    "version": str,
    "bytes": int,
    "was": str,
    "file": str,
    "old_name": str,
}


class DamagedEntry(Exception):
    """Error: a file of the history is damaged."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of a mapping file.

    number          consecutive over all mappings, or 0 until the entry is stored
    version, bytes  version and size of the text after the change; "" and 0 if the change deleted the file
    was, file       name of the file before and after the change, or "" if there was no file
    old_name        name of the mapping before a rename, or "" for other changes
    """

    name: str
    action: Action
    by: str
    note: str
    at_ms: int
    version: str = ""
    bytes: int = 0
    was: str = ""
    file: str = ""
    old_name: str = ""
    number: int = 0

    def value(self) -> dict[str, Any]:
        """Return the entry as the page shows it."""
        made = {"id": str(self.number), "at_ms": self.at_ms, "by": self.by, "action": self.action, "note": self.note}
        return {**made, "version": self.version, "bytes": self.bytes, "old_name": self.old_name}


def to_bytes(entry: Entry, text: bytes) -> bytes:
    """Return the content of the entry's file."""
    return orjson.dumps(asdict(entry)) + b"\n" + text


def from_head(head: bytes, size: int) -> Entry:
    """Return the entry in a file. `head` is its first line, and `size` its size in bytes. Raise DamagedEntry."""
    try:
        read = orjson.loads(head)
    except orjson.JSONDecodeError:
        raise DamagedEntry from None
    if not isinstance(read, dict) or read.keys() != _FIELDS.keys():
        raise DamagedEntry
    # `type` and not `isinstance`: True is an instance of int.
    if any(type(read[name]) is not kind for name, kind in _FIELDS.items()):
        raise DamagedEntry
    if size != len(head) + read["bytes"]:  # the file was cut short
        raise DamagedEntry
    return Entry(**read)


def from_bytes(content: bytes) -> tuple[Entry, bytes]:
    """Return the entry and the text of a file. Raise DamagedEntry."""
    # JSON contains no newline, so the first newline ends the head.
    head, newline, text = content.partition(b"\n")
    entry = from_head(head + newline, len(content))
    if version_of(text if entry.version else None) != entry.version:
        raise DamagedEntry
    return entry, text
