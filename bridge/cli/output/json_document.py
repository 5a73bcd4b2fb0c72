"""JSON documents that commands print. Each document is one object, and contains the version of its schema."""

from __future__ import annotations

import sys
from typing import Any, Final

import orjson

SCHEMA_VERSION: Final = 1
"""Value of `schema_version`. It increases when a field is removed or its meaning changes."""


def document(**fields: Any) -> str:
    """Return a JSON object with `schema_version` and the given fields, in one line."""
    return orjson.dumps({"schema_version": SCHEMA_VERSION, **fields}).decode()


def print_document(**fields: Any) -> None:
    """Print a JSON object with `schema_version` and the given fields, in one line."""
    sys.stdout.write(document(**fields) + "\n")
