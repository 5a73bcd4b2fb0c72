"""Control channel: a command writes a request file, and the running bridge polls for it and writes a response file.

No socket listens, and the bridge writes no file without a request.

    spool.path/ID.wanted    the command's request: {"ask": "status"}, {"ask": "replay", "numbers": [7, 8]}, ...
    spool.path/ID.answer    the bridge's response as JSON, or {"error": "..."}; the request is then removed

Only the owner of the spool's folder has access to it. So only the bridge's user and root can send requests or read
responses.
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
"""Interval between two polls for requests."""
PATIENCE_SECS: Final = 5.0
"""Default wait for a response."""
UNSEEN_SECS: Final = 2.0
"""Maximum wait for a response if the bridge's process is not visible."""
STALE_SECS: Final = 60.0
"""Age after which a request is ignored: its command has ended without removing it."""
_UNKNOWN: Final = "the running bridge does not know this request: does it have another version?"
_WANTED, _ANSWER = ".wanted", ".answer"

Answer = "Callable[[dict[str, Any]], bytes]"
"""Type of a request handler: it returns the response as JSON, or raises BridgeError, whose text is then the error."""


def serve_requests(
    folder: Path,
    answers: Mapping[str, Callable[[dict[str, Any]], bytes]],
    stopping: Stop,
    each_look: Callable[[], None] = lambda: None,
) -> None:
    """Respond to requests until `stopping` is set. This is the body of a thread.

    A response that cannot be written is logged. `each_look` is called twice a second, before each poll.
    """
    while not stopping.wait(LOOK_SECS):
        each_look()
        for wanted in _requests(folder):
            try:
                _answer(wanted, answers)
            except OSError as error:
                log.warning("cannot respond to a command in %s: %s", folder, error.strerror)
            with suppress(OSError):
                wanted.unlink()


def _requests(folder: Path) -> list[Path]:
    """Return the pending requests; none if the folder cannot be read, for example without a free descriptor.

    The next poll then finds them.
    """
    try:
        return list(folder.glob(f"*{_WANTED}"))
    except OSError:
        return []


def _answer(wanted: Path, answers: Mapping[str, Callable[[dict[str, Any]], bytes]]) -> None:
    if time.time() - wanted.stat().st_mtime > STALE_SECS:
        return
    # The rename is atomic: the command never reads a part of the response. The mode is set before the first write.
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
    """Send a request to the bridge that owns the spool in `folder`, and return its response.

    Raises BridgeError if no bridge responds within `patience_secs`, or if the response is an error.
    """
    if not folder.is_dir():
        raise BridgeError(f"no spool in {folder} (spool.path): the bridge has not run here")
    name = f"{what}-{os.getpid()}-{time.monotonic_ns()}"
    wanted, answer, pause = folder / f"{name}{_WANTED}", folder / f"{name}{_ANSWER}", threading.Event()
    try:
        _request(wanted, {"ask": what, **more})
        owner = _living_owner(folder)
        # A bridge in another container is not visible here. It polls twice a second, so two seconds are enough.
        deadline = time.monotonic() + (patience_secs if owner else min(patience_secs, UNSEEN_SECS))
        while not answer.exists():
            if time.monotonic() > deadline or owner != _living_owner(folder):
                raise BridgeError(
                    f"the bridge is not running (no response in spool.path {folder}). Start it with 'mqtt-kinesis "
                    "run', or check --config"
                )
            pause.wait(LOOK_SECS / 5)
        value = json.loads(answer.read_bytes())
    except OSError as error:
        why = f"{error.strerror}: {error.filename}"
        raise BridgeError(
            f"cannot write a request to {folder} (spool.path): {why}; run the command as the bridge's user"
        ) from error
    finally:
        # Also after an error: otherwise the bridge would respond to a request whose command has ended.
        for file in (wanted, answer):
            with suppress(OSError):
                file.unlink(missing_ok=True)
    if not isinstance(value, dict):
        raise BridgeError(f"{answer} is no response of a bridge; expected an object")
    if "error" in value:
        raise BridgeError(str(value["error"]))
    return value


def _living_owner(folder: Path) -> int:
    """Return the process id of the bridge, or 0 if the process is not visible from here.

    A change of the result means that the process has ended and will not respond.
    """
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
    """Write the request file atomically: the bridge never reads a part of it."""
    new = wanted.with_suffix(".asking")
    new.touch(mode=0o600)
    if os.geteuid() == 0:
        # The bridge runs as a user of its own, which cannot read root's files.
        owner = wanted.parent.stat()
        os.chown(new, owner.st_uid, owner.st_gid)
    new.write_text(json.dumps(request), encoding="utf-8")
    new.replace(wanted)
