"""Control channel: how commands such as `status` communicate with the running bridge.

The process of the command writes a request file. The bridge looks for request files twice a second, and writes a
response file. No open socket is needed.

    spool.path/ID.request   the request, for example {"command": "replay", "numbers": [7, 8], "sent": [BOOT, MS, WAIT]}
    spool.path/ID.response  the bridge's response as JSON, or {"error": "..."}; the bridge then removes the request

Only the bridge's user and root have access to the spool's folder. So only these two users can send requests or read
responses. `sent` is the time of the request: the identifier of the machine's boot, the milliseconds since the boot, and
the milliseconds for which the command waits. It does not use the machine's clock, which may be set while a command
waits. The bridge ignores a request whose command no longer waits.

A replay may take a minute. So another thread responds to such commands, and `status` always gets a response.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError, BridgeNotRunning, NoPermission
from bridge.files import FileProblem, read_bytes
from bridge.spool.lock import boot_id, is_in_use, owner_of
from bridge.spool.wall_clock import boot_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bridge.mapping.loading.live_mappings import StopSignal

log = logging.getLogger(__name__)

# Listing a small folder twice a second is cheap, and a person does not notice a delay of half a second.
POLL_SECS: Final = 0.5
"""Interval at which the bridge looks for requests."""
RESPONSE_SECS: Final = 5.0
"""Default time for which a command waits for a response."""
UNSEEN_SECS: Final = 2.0
"""Time for which a command waits for a response if it cannot see the bridge's process.

The process is not visible if it runs in another container.
"""
_UNKNOWN: Final = "the running bridge does not know this request: does it have another version?"
_REQUEST, _RESPONSE, _WRITING = ".request", ".response", ".writing"
MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
MAX_REQUEST_BYTES: Final = 16 * 1024 * 1024
"""Maximum size of a request. A request with the numbers of a million dead letters has half of this size."""

RequestHandler = "Callable[[dict[str, Any]], bytes]"
"""Type of a request handler. It returns the response as JSON. If it raises BridgeError, the response is its text."""


def serve_requests(
    folder: Path,
    handlers: Mapping[str, Callable[[dict[str, Any]], bytes]],
    stopping: StopSignal,
    before_poll: Callable[[], None] = lambda: None,
    *,
    wants: Callable[[str], bool] = lambda _command: True,
) -> None:
    """Respond to requests until `stopping` is set. This function is the body of a thread.

    If a response cannot be written, the error is logged. `before_poll` is called every POLL_SECS. `wants` returns True
    for the commands to which this thread responds, and False for those of another thread.
    """
    while not stopping.wait(POLL_SECS):
        before_poll()
        for request_file in _requests(folder):
            # The name of a request begins with the command: see `_exchange`.
            if not wants(request_file.name.partition("-")[0]):
                continue
            try:
                _respond(request_file, handlers)
            except OSError as error:
                log.warning("cannot respond to a command in %s: %s", folder, error.strerror)
            with suppress(OSError):
                request_file.unlink()


def _requests(folder: Path) -> list[Path]:
    """Return the request files, or [] if the folder cannot be read. `serve_requests` tries again after POLL_SECS."""
    try:
        return list(folder.glob(f"*{_REQUEST}"))
    except OSError:
        return []


def _respond(request_file: Path, handlers: Mapping[str, Callable[[dict[str, Any]], bytes]]) -> None:
    response = _response_to(request_file, handlers)
    if response is None:
        return
    # Write another file and rename it. A rename is atomic, so the command never reads a partial response. Set the mode
    # before the content is written, because the content is confidential.
    new, response_file = request_file.with_suffix(".new"), request_file.with_suffix(_RESPONSE)
    new.touch(mode=0o600)
    new.write_bytes(response)
    new.replace(response_file)


def _response_to(request_file: Path, handlers: Mapping[str, Callable[[dict[str, Any]], bytes]]) -> bytes | None:
    """Return the response, or None for a stale request or a request of another user."""
    try:
        # If the folder's mode is wrong, other users may be able to write files into it.
        if request_file.lstat().st_uid not in (0, os.geteuid()):
            log.warning("ignored a request of another user in %s", request_file.parent)
            return None
        fields = json.loads(read_bytes(request_file, MAX_REQUEST_BYTES))
        if _is_stale(*fields.pop("sent")):
            return None
        return handlers[fields["command"]](fields)
    except BridgeError as error:
        return json.dumps({"error": str(error)}).encode()
    except FileProblem as problem:
        return json.dumps({"error": f"the request is {problem}"}).encode()
    # An invalid request from another process must not end this thread.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return json.dumps({"error": _UNKNOWN}).encode()


def _is_stale(boot: str, sent_ms: int, wait_ms: int) -> bool:
    """Return whether the command of a request no longer waits. It may have ended without removing the request."""
    return boot != boot_id().decode() or not 0 <= boot_ms() - sent_ms <= wait_ms


def request(folder: Path, command: str = "status", timeout_secs: float = RESPONSE_SECS, **more: Any) -> dict[str, Any]:
    """Send a request to the bridge that owns the spool in `folder`, and return its response.

    Raises BridgeNotRunning if no bridge responds within `timeout_secs`, NoPermission if this user may not write to
    the folder, BridgeError if the response is an error.
    """
    if not folder.is_dir():
        raise BridgeNotRunning(f"no spool in {folder} (spool.path): the bridge has not run here")
    try:
        sent = boot_id().decode(), boot_ms(), int(1_000 * timeout_secs)
        value = _exchange(folder, command, {"command": command, "sent": sent, **more}, timeout_secs)
    except OSError as error:
        kind = NoPermission if isinstance(error, PermissionError) else BridgeError
        raise kind(
            f"cannot write a request to {folder} (spool.path): {error.strerror}; run the command as the bridge's user"
        ) from error
    if not isinstance(value, dict):
        raise BridgeError(f"the response of the bridge in {folder} is not a JSON object")
    if "error" in value:
        raise BridgeError(str(value["error"]))
    return value


def _exchange(folder: Path, command: str, request: dict[str, Any], timeout_secs: float) -> Any:
    """Write a request, wait for the response, and return its parsed JSON. Raise BridgeError or OSError.

    Root may run a command in a folder of the bridge's user, and this user could replace the folder by a link. So the
    folder is opened once, and its files are accessed relative to its descriptor.
    """
    name = f"{command}-{os.getpid()}-{time.monotonic_ns()}"
    request_name, response_name = f"{name}{_REQUEST}", f"{name}{_RESPONSE}"
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _write_request(directory, request_name, json.dumps(request).encode())
        return _await_response(folder, directory, response_name, timeout_secs)
    finally:
        # Remove the files after an error too. Otherwise, the bridge would respond to a request whose command has ended.
        for file in (f"{request_name}{_WRITING}", request_name, response_name):
            with suppress(OSError):
                os.unlink(file, dir_fd=directory)
        os.close(directory)


def _await_response(folder: Path, directory: int, name: str, timeout_secs: float) -> Any:
    pause, owner = threading.Event(), _living_owner(folder)
    # If no owner is visible, the bridge may run in another container. It would respond to a simple request within a
    # second, so do not wait for longer than UNSEEN_SECS.
    deadline = time.monotonic() + (timeout_secs if owner else min(timeout_secs, UNSEEN_SECS))
    while (response := _read_response(directory, name)) is None:
        if time.monotonic() > deadline or owner != _living_owner(folder):
            if owner and is_in_use(folder):
                raise BridgeNotRunning(
                    f"the bridge (process {owner}) has not responded within {timeout_secs:g} s (spool.path {folder}). "
                    "The process or the machine is busy or stopped: read the bridge's log, and try again"
                )
            error = BridgeNotRunning(
                f"the bridge is not running (no response in spool.path {folder}). Start it with 'mqtt-kinesis "
                "run', or check --config"
            )
            # Add the hint as a note. `status --watch` prints the error without notes, while it waits for the bridge.
            error.add_note("'mqtt-kinesis spool status' shows the ledger of a stopped bridge")
            raise error
        pause.wait(POLL_SECS / 5)
    try:
        return json.loads(response)
    except (ValueError, RecursionError):
        return None


def _read_response(directory: int, name: str) -> bytes | None:
    """Return the response, or None while there is none. Raises OSError for a link, a FIFO, or another user's file."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_uid not in (os.fstat(directory).st_uid, os.geteuid()):
            raise OSError(errno.EINVAL, "the response is not a file of the bridge's user")
        response = file.read(MAX_RESPONSE_BYTES + 1)
    if len(response) > MAX_RESPONSE_BYTES:
        raise OSError(errno.EFBIG, f"the response is larger than {MAX_RESPONSE_BYTES:,} bytes")
    return response


def _living_owner(folder: Path) -> int:
    """Return the process id of the bridge. Return 0 if it is not running, or runs in another container.

    If the result changes between two calls, the bridge has ended and will not respond.
    """
    owner = owner_of(folder)
    if not owner:
        return 0
    try:
        # With signal 0, `os.kill` sends no signal. It only tests whether the process exists.
        os.kill(owner, 0)
    except ProcessLookupError:
        return 0
    # PermissionError: the process exists, and belongs to another user.
    except PermissionError:
        return owner
    return owner


def _write_request(directory: int, name: str, request: bytes) -> None:
    """Write the request file atomically, so that the bridge never reads a partial request."""
    new = f"{name}{_WRITING}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(new, flags, 0o600, dir_fd=directory), "wb") as file:
        if os.geteuid() == 0:
            # The bridge runs as the folder's owner, who cannot read root's files.
            owner = os.fstat(directory)
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(request)
    os.rename(new, name, src_dir_fd=directory, dst_dir_fd=directory)
