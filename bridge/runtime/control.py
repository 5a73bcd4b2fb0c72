"""How a command asks the running bridge, with nothing listening and nothing written until it is asked.

    spool.path/ID.wanted    made by the command: {"ask": "status"}, {"ask": "replay", "numbers": [7, 8]}, ...
    spool.path/ID.answer    the bridge's answer as JSON, or {"error": "..."}; the request is then removed

The spool's folder is its owner's alone, so nobody else but root can ask or read the answer.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError
from bridge.spool.lock import owner_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bridge.mapping.loading.live_mappings import Stop

log = logging.getLogger(__name__)

LOOK_SECS: Final = 0.5
PATIENCE_SECS: Final = 5.0
UNSEEN_SECS: Final = 2.0
STALE_SECS: Final = 60.0
"""A request so old was left behind by a command that has gone."""
_UNKNOWN: Final = "the running bridge does not know this request: is it of another version?"
_WANTED, _ANSWER = ".wanted", ".answer"

Answer = "Callable[[dict[str, Any]], bytes]"
"""The request to JSON. Raises BridgeError, whose text is the answer then."""


def serve_requests(folder: Path, answers: Mapping[str, Callable[[dict[str, Any]], bytes]], stopping: Stop) -> None:
    """Answer until stopped: the body of a thread. What an answer cannot be written to is said in the log."""
    while not stopping.wait(LOOK_SECS):
        for wanted in _requests(folder):
            try:
                _answer(wanted, answers)
            except OSError as error:
                log.warning("cannot answer a command in %s: %s", folder, error.strerror)
            with suppress(OSError):
                wanted.unlink()


def _requests(folder: Path) -> list[Path]:
    """Those there are; of a folder that cannot be read now (no descriptor left), those that the next look finds."""
    try:
        return list(folder.glob(f"*{_WANTED}"))
    except OSError:
        return []


def _answer(wanted: Path, answers: Mapping[str, Callable[[dict[str, Any]], bytes]]) -> None:
    if time.time() - wanted.stat().st_mtime > STALE_SECS:
        return
    new, answer = wanted.with_suffix(".new"), wanted.with_suffix(_ANSWER)
    request = wanted.read_bytes()
    new.touch(mode=0o600)
    new.write_bytes(_told(request, answers))
    new.replace(answer)


def _told(request: bytes, answers: Mapping[str, Callable[[dict[str, Any]], bytes]]) -> bytes:
    try:
        asked = json.loads(request)
        return answers[asked["ask"]](asked)
    except BridgeError as error:
        return json.dumps({"error": str(error)}).encode()
    except (ValueError, KeyError, TypeError):
        return json.dumps({"error": _UNKNOWN}).encode()


def request(folder: Path, what: str = "status", patience_secs: float = PATIENCE_SECS, **more: Any) -> dict[str, Any]:
    """The answer of the bridge that owns the spool in `folder`. Raises BridgeError if none answers, or it cannot."""
    if not folder.is_dir():
        raise BridgeError(f"there is no spool in {folder} (spool.path): the bridge has not run here")
    name = f"{what}-{os.getpid()}-{time.monotonic_ns()}"
    wanted, answer, pause = folder / f"{name}{_WANTED}", folder / f"{name}{_ANSWER}", threading.Event()
    try:
        _request(wanted, {"ask": what, **more})
        owner = _living_owner(folder)
        # One that is not to be seen may live in another container; it looks twice a second.
        deadline = time.monotonic() + (patience_secs if owner else min(patience_secs, UNSEEN_SECS))
        while not answer.exists():
            if time.monotonic() > deadline or owner != _living_owner(folder):
                raise BridgeError(f"no bridge answers in {folder} (spool.path): is it running, with this bridge.yaml?")
            pause.wait(LOOK_SECS / 5)
        value = json.loads(answer.read_bytes())
    except OSError as error:
        why = f"{error.strerror}: {error.filename}"
        raise BridgeError(f"cannot ask the bridge in {folder} (spool.path): {why}; ask as the bridge's user") from error
    finally:
        for file in (wanted, answer):
            with suppress(OSError):
                file.unlink(missing_ok=True)
    if not isinstance(value, dict):
        raise BridgeError(f"{answer} is no answer of a bridge; expected an object")
    if "error" in value:
        raise BridgeError(str(value["error"]))
    return value


def _living_owner(folder: Path) -> int:
    """The bridge's process, 0 where it is not to be seen from here; one that was and is no more will not answer."""
    owner = owner_of(folder)
    if not owner:
        return 0
    try:
        os.kill(owner, 0)
    except ProcessLookupError:
        return 0
    except PermissionError:
        return owner
    return owner


def _request(wanted: Path, request: dict[str, Any]) -> None:
    """Whole, or not there."""
    new = wanted.with_suffix(".asking")
    new.touch(mode=0o600)
    if os.geteuid() == 0:  # the bridge has a user of its own, which could not read what is root's
        owner = wanted.parent.stat()
        os.chown(new, owner.st_uid, owner.st_gid)
    new.write_text(json.dumps(request), encoding="utf-8")
    new.replace(wanted)
