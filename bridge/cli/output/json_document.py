"""JSON documents that commands print. Each document is one object, and contains the version of its schema."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import orjson

SCHEMA_VERSION: Final = 1
"""Value of `schema_version`. It increases when a field is removed or its meaning changes."""


def document(**fields: Any) -> str:
    """Return a JSON object with `schema_version` and the given fields, in one line."""
    return json_text({"schema_version": SCHEMA_VERSION, **fields})


def json_text(value: Any) -> str:
    """Return a value as JSON in one line. In names of files, bytes that are not UTF-8 become question marks."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Python stores such bytes as halves of surrogate pairs, which orjson refuses.
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="replace").decode()


def print_document(**fields: Any) -> None:
    """Print a JSON object with `schema_version` and the given fields, in one line."""
    sys.stdout.write(document(**fields) + "\n")
