"""JSON documents that commands print, each one object with the version of its schema."""

from __future__ import annotations

import sys
from typing import Any, Final

import orjson

SCHEMA_VERSION: Final = 1
"""Value of `schema_version`. It changes when a field is removed or gets another meaning."""


def document(**fields: Any) -> str:
    """Return an object of the fields, with `schema_version` first, in one line."""
    return orjson.dumps({"schema_version": SCHEMA_VERSION, **fields}).decode()


def print_document(**fields: Any) -> None:
    """Print an object of the fields, with `schema_version` first, in one line."""
    sys.stdout.write(document(**fields) + "\n")
