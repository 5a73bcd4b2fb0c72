"""How a command asks the running bridge how it stands, with nothing listening and nothing written until it is asked.

    spool.path/status.wanted   made by the command
    spool.path/status.json     the bridge's answer: status and coverage, as JSON; the request is then removed

The spool's folder is its owner's alone, so nobody else can ask or read the answer.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.mapping.live import Stop

log = logging.getLogger(__name__)

LOOK_SECS: Final = 0.5
PATIENCE_SECS: Final = 5.0
_WANTED, _ANSWER = "status.wanted", "status.json"


def answer_requests(folder: Path, answer: Callable[[], bytes], stopping: Stop) -> None:
    """Answer until stopped: the body of a thread. What an answer cannot be written to is said in the log."""
    while not stopping.wait(LOOK_SECS):
        if not (folder / _WANTED).exists():
            continue
        try:
            new = folder / f".{_ANSWER}.new"
            new.touch(mode=0o600)
            new.write_bytes(answer())
            new.replace(folder / _ANSWER)
        except OSError as error:
            log.warning("cannot tell the status in %s: %s", folder, error.strerror)
        (folder / _WANTED).unlink(missing_ok=True)


def ask(folder: Path) -> dict[str, Any]:
    """The answer of the bridge that owns the spool in `folder`. Raises BridgeError if none answers."""
    if not folder.is_dir():
        raise BridgeError(f"there is no spool in {folder} (spool.path): the bridge has not run here")
    wanted, answer, pause = folder / _WANTED, folder / _ANSWER, threading.Event()
    try:
        answer.unlink(missing_ok=True)
        wanted.touch(mode=0o600)
        deadline = time.monotonic() + PATIENCE_SECS
        while not answer.exists():
            if time.monotonic() > deadline:
                raise BridgeError(f"no bridge answers in {folder} (spool.path): is it running, with this bridge.yaml?")
            pause.wait(LOOK_SECS / 5)
        value = json.loads(answer.read_bytes())
    except OSError as error:
        why = f"{error.strerror}: {error.filename}"
        raise BridgeError(f"cannot ask the bridge in {folder} (spool.path): {why}; ask as the bridge's user") from error
    finally:
        with suppress(OSError):
            wanted.unlink(missing_ok=True)
    if not isinstance(value, dict):
        raise BridgeError(f"{answer} is no answer of a bridge; expected an object")
    return value
