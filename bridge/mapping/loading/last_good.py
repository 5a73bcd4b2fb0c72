"""Last good version of each mapping file: the text that was active most recently.

If a file does not load, the bridge continues with this version, even after a restart. So the texts are stored on disk.
One JSON file contains all texts, as an object from file names to texts.

One stored file per mapping would be slow when thousands of mappings are edited at once. Each file is written under a
temporary name, synced and renamed. On ext4, writing 2,000 files takes 0.2 to 1.4 s of CPU. Writing one file with all
texts takes 16 ms.
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
"""Maximum size of the file in bytes. The texts of 5,000 mappings of 2 KB take a sixth of this size."""


class LastGoodTexts:
    """Store of the last good versions. Only the thread that reloads the mappings uses this object."""

    def __init__(self, folder: Path) -> None:
        """Store the texts in `folder`. The first write creates the folder."""
        self._file = folder / FILE
        self._changed = False

    def get(self, name: str) -> bytes | None:
        """Return the last good version of a mapping file, or None if no version has been active."""
        text = self._texts.get(name)
        return None if text is None else text.encode()

    def record(self, name: str, text: bytes) -> None:
        """Record the text of a version that became active. The text is valid UTF-8, because the file has loaded."""
        decoded = text.decode()
        # After a restart, `_texts` contains the texts on disk. So unchanged files cause no write.
        if self._texts.get(name) != decoded:
            self._texts[name] = decoded
            self._changed = True

    def forget_all_but(self, names: AbstractSet[str]) -> None:
        """Delete the texts of all files except `names`.

        The caller makes sure that the other files were removed on purpose, and not by an accident such as an unmounted
        disk.
        """
        for removed in self._texts.keys() - names:
            del self._texts[removed]
            self._changed = True

    def write(self) -> None:
        """Write the file if a text has changed.

        An error is only logged, and the next call tries again. A new version of a mapping becomes active even if the
        disk is full.
        """
        if not self._changed:
            return
        try:
            replace_file(self._file, orjson.dumps(self._texts))
        except OSError as error:
            log.warning("cannot store the active mappings in %s: %s", self._file, error.strerror)
        else:
            self._changed = False

    @cached_property
    def _texts(self) -> dict[str, str]:
        """Texts of the last good versions, by file name.

        They are read on first use. If the file cannot be read, log the error and return no texts. The next write
        replaces the file. The bridge continues, because it needs the texts only for mappings that do not load.
        """
        try:
            texts = orjson.loads(read_bytes(self._file, MAX_BYTES))
            if isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values()):
                return texts
            problem = "expected an object of texts"
        except (FileProblem, orjson.JSONDecodeError) as error:
            if not self._file.exists():
                return {}  # the usual case at the first start
            problem = str(error)
        log.warning(
            "%s cannot be read: %s; the last good versions of mappings that do not load are lost", self._file, problem
        )
        return {}
