"""The text of each mapping file as it last went live, over a restart: one file of JSON, by their names.

A file for each would be slow where thousands are edited at once: 2,000 of them take 0.2 to 1.4 s of CPU on ext4 (each
is written aside and renamed), all in one 16 ms.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

import orjson

from bridge.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

log = logging.getLogger(__name__)

FILE = "mappings.json"


class LastGoodTexts:
    """Owned by the thread that reloads the mappings."""

    def __init__(self, folder: Path) -> None:
        """`folder` is created when something is written."""
        self._file = folder / FILE
        self._changed = False

    def get(self, name: str) -> bytes | None:
        """What a mapping file held when it last went live; None: it never did."""
        text = self._texts.get(name)
        return None if text is None else text.encode()

    def keep(self, name: str, text: bytes) -> None:
        """A version went live: UTF-8, as it loaded."""
        decoded = text.decode()
        if self._texts.get(name) != decoded:
            self._texts[name] = decoded
            self._changed = True

    def forget_all_but(self, names: AbstractSet[str]) -> None:
        """Other mapping files are gone, and not by accident."""
        for gone in self._texts.keys() - names:
            del self._texts[gone]
            self._changed = True

    def write(self) -> None:
        """Have what changed on the disk. A full one must not stop a version from going live: it is tried again."""
        if not self._changed:
            return  # as after a restart: nothing is written for it
        try:
            replace_file(self._file, orjson.dumps(self._texts))
        except OSError as error:
            log.warning("cannot remember the mappings in force in %s: %s", self._file, error.strerror)
        else:
            self._changed = False

    @cached_property
    def _texts(self) -> dict[str, str]:
        try:
            texts = orjson.loads(self._file.read_bytes())
            if isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values()):
                return texts
            problem = "expected an object of texts"
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, orjson.JSONDecodeError) as error:
            problem = str(error)
        log.warning(
            "%s cannot be read: %s; the last good versions of mappings that do not load are lost", self._file, problem
        )
        return {}
