"""Progress file of a proof, so that a later run can continue: the findings so far, and the position in each shard.

Reading the records of some days takes hours, because Kinesis allows 2 MB per second for each shard. With the progress
file, an interrupted proof continues, and a daily proof reads only the new records. The positions are always saved
together with the findings up to these positions, so no record is skipped or counted twice. The file is JSON, compressed
by gzip:

    {"proof": 1, "stream": NAME, "manifests": NAME, "positions": {"STREAM SHARD": SEQUENCE_NUMBER},
     "verifier": {...}}
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.errors import BridgeError
from bridge.files import FileProblem, read_bytes, replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.tools.proof.verifier import Verifier

MAX_FILE_BYTES: Final = 512 * 1024 * 1024
"""Maximum size of the file. One week with 2,000 records a second needs 150 MB if half of the records are missing."""


class Progress:
    """Position in each shard, and the state of the verifier.

    Both are saved in `file`. If `file` is None, they exist only in memory.
    """

    def __init__(self, file: Path | None, stream: str, manifests: str, verifier: Verifier) -> None:
        """Continue the proof in the file, if the file exists.

        Raise BridgeError if the file cannot be read, or if it belongs to another proof.
        """
        self.positions: dict[str, str] = {}
        self._file = file
        self._names = {"proof": 1, "stream": stream, "manifests": manifests}
        self._verifier = verifier
        if file is not None and file.exists():
            self._restore(file)

    def save(self) -> None:
        """Write the file. Raise BridgeError if that fails."""
        if self._file is None:
            return
        state = {**self._names, "positions": self.positions, "verifier": self._verifier.stored()}
        try:
            # With `mtime=0`, the file contains no time, so the same progress always produces the same file.
            replace_file(self._file, gzip.compress(orjson.dumps(state), 1, mtime=0))
        except OSError as error:
            raise BridgeError(f"{self._file}: cannot be written: {error.strerror}") from error

    def _restore(self, file: Path) -> None:
        try:
            state: dict[str, Any] = orjson.loads(gzip.decompress(read_bytes(file, MAX_FILE_BYTES)))
            names = {name: state[name] for name in self._names}
            self.positions = dict(state["positions"])
            self._verifier.restore(state["verifier"])
        except FileProblem as problem:
            raise BridgeError(f"{file}: {problem}") from None
        except (OSError, EOFError, ValueError, TypeError, KeyError) as error:
            raise BridgeError(f"{file}: not the progress of a proof ({type(error).__name__}); remove it") from None
        if names != self._names:
            found = f"stream {names['stream']}, manifests {names['manifests']}"
            raise BridgeError(f"{file}: the progress of another proof ({found}); name another file")
