"""Last good version of each mapping file, stored across restarts.

The store is one JSON file, an object of texts by file name. One file per mapping would be slow if thousands are edited
at once, because each file is written under a temporary name, synced and renamed. On ext4, writing 2,000 files needs 0.2
to 1.4 s of CPU. One file with all texts needs 16 ms.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

import orjson

from bridge.files import FileProblem, read_bytes, replace_file

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

log = logging.getLogger(__name__)

FILE = "mappings.json"
MAX_BYTES = 64 * 1024 * 1024
"""Maximum size of the file. Five thousand mappings of 2 KB need a sixth of it."""


class LastGoodTexts:
    """Store of the last good versions. Only the thread that reloads the mappings uses it."""

    def __init__(self, folder: Path) -> None:
        """Store the texts in `folder`, which is created by the first write."""
        self._file = folder / FILE
        self._changed = False

    def get(self, name: str) -> bytes | None:
        """Return the last good version of a mapping file, or None if it has never been active."""
        text = self._texts.get(name)
        return None if text is None else text.encode()

    def keep(self, name: str, text: bytes) -> None:
        """Record the text of a version that became active. The text is valid UTF-8, because it has loaded."""
        decoded = text.decode()
        if self._texts.get(name) != decoded:
            self._texts[name] = decoded
            self._changed = True

    def forget_all_but(self, names: AbstractSet[str]) -> None:
        """Delete the texts of all other files. The caller makes sure that these files were removed on purpose."""
        for gone in self._texts.keys() - names:
            del self._texts[gone]
            self._changed = True

    def write(self) -> None:
        """Write the file if anything has changed.

        An error is only logged, and the next call tries again: a full disk must not stop a version from becoming
        active.
        """
        if not self._changed:
            return  # compared also after a restart, so that loading the same versions causes no write
        try:
            replace_file(self._file, orjson.dumps(self._texts))
        except OSError as error:
            log.warning("cannot store the active mappings in %s: %s", self._file, error.strerror)
        else:
            self._changed = False

    @cached_property
    def _texts(self) -> dict[str, str]:
        """Texts by file name, read on first use.

        An unreadable file is logged and replaced: it must not stop the bridge.
        """
        try:
            texts = orjson.loads(read_bytes(self._file, MAX_BYTES))
            if isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values()):
                return texts
            problem = "expected an object of texts"
        except (FileProblem, orjson.JSONDecodeError) as error:
            if not self._file.exists():
                return {}
            problem = str(error)
        log.warning(
            "%s cannot be read: %s; the last good versions of mappings that do not load are lost", self._file, problem
        )
        return {}
