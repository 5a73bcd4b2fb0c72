"""Error message and exit code of a failed command. With --json, the command also prints the error as an object."""

from __future__ import annotations

from typing import Final

from bridge.cli.output.json_document import print_document
from bridge.errors import BridgeError, BridgeNotRunning, ConfigError, NoPermission, UsageError
from bridge.runtime.exit_codes import CONFIGURATION, FAILED, NO_PERMISSION, NOT_RUNNING
from bridge.terminal import print_error

# The first matching type decides, so subclasses come before their base classes.
_KINDS: Final[tuple[tuple[type[Exception], str, int], ...]] = (
    (ConfigError, "configuration", CONFIGURATION),
    (UsageError, "usage", CONFIGURATION),
    (BridgeNotRunning, "not_running", NOT_RUNNING),
    (NoPermission, "no_permission", NO_PERMISSION),
    (PermissionError, "no_permission", NO_PERMISSION),
    (Exception, "failed", FAILED),
)


def report_failure(error: BridgeError | PermissionError, *, as_json: bool) -> int:
    """Print the error to standard error, and return the exit code.

    With `as_json`, also print the error as a JSON object to standard output.
    """
    code, exit_code = next((code, exit_code) for kind, code, exit_code in _KINDS if isinstance(error, kind))
    lines = _lines(error)
    for line in lines:
        print_error(line)
    if as_json:
        print_document(error={"code": code, "message": "\n".join(lines)})
    return exit_code


def _lines(error: BridgeError | PermissionError) -> list[str]:
    if isinstance(error, ConfigError):
        return [str(problem) for problem in error.problems]
    if isinstance(error, PermissionError):
        return [f"mqtt-kinesis: no permission for {error.filename}; run the command as the bridge's user"]
    # Some exceptions have notes with advice (`add_note`).
    return [f"mqtt-kinesis: {error}", *getattr(error, "__notes__", ())]
