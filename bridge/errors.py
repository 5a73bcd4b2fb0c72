"""Every error of the bridge. The text after each name describes how the bridge handles the error.

    BridgeError
      UsageError                   an option of a command has no usable value: exit 2
      ConfigError(problems)        at start: print all problems, exit 2
                                   at a reload: report all problems, continue with the last good version
      Rejected(code, detail)       store the message or record as a dead letter, acknowledge it, continue
        DecodeError  TransformError  PartitionKeyError  RecordTooLarge
      SpoolFull                    stop reading from the broker (back-pressure) until the spool has room
      SpoolWriteError              the disk is full, read-only or broken: do not acknowledge, report, retry
      SpoolCorrupt                 move the file to quarantine, start with a new file, report
      SpoolInUse                   another bridge owns this spool: exit 1
      BridgeNotRunning             no bridge responds to a command: exit 3
      NoPermission                 the user may not use the spool's folder: exit 4
      NoSuchDeadLetter             report it; the HTTP API responds 404
      SendError
        Unavailable                store all records, retry for ever with back-off and jitter
          OutcomeUnknown           like Unavailable; Kinesis may already have the records: count possible duplicates
        Refused(hint)              a person must act: store all records, report "not ready" and the hint, retry slowly
        InvalidRequest             halve the request repeatedly, until the record that Kinesis cannot accept is alone

An operation that fails completely raises an error. An operation that fails only for some records returns these records,
their error codes, and whether to retry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bridge.files import shown_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.model import RejectionCode


class BridgeError(Exception):
    """Base class of all errors that the bridge raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One error in a file, or a note about a suspicious but valid part of the file. Only a note has a `code`.

    `line` and `column` count from 1. They are 0 if the problem concerns the entire file.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    code: str = ""

    def __post_init__(self) -> None:
        # Problems are printed, logged and sent as JSON. All of these fail for the name of a file that is not UTF-8.
        for name in ("file", "message"):
            object.__setattr__(self, name, shown_name(getattr(self, name)))

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class ConfigError(BridgeError):
    """All errors in the configuration or the mappings, sorted by file, line and column."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


class Rejected(BridgeError):
    """A message or record that becomes a dead letter. `code` is a fixed identifier, `detail` is text for people."""

    code: ClassVar[RejectionCode]

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(f"{self.code}: {detail}")


class DecodeError(Rejected):
    """The payload does not have the format that the mapping declares."""

    code = "decode"


class TransformError(Rejected):
    """`where` or `transform` failed on this message."""

    code = "transform"


class PartitionKeyError(Rejected):
    """The partition key is missing, empty, not text, or longer than 256 characters."""

    code = "partition_key"


class RecordTooLarge(Rejected):
    """A record is larger than its stream accepts, or all records of one message are larger than the spool accepts."""

    code = "too_large"


class SpoolFull(BridgeError):
    """The spool has reached `spool.max_bytes`, and `when_full` is `block`."""


class SpoolWriteError(BridgeError):
    """The disk did not accept a transaction. No part of it is stored, so its messages must not be acknowledged."""


class SpoolCorrupt(BridgeError):
    """The spool's file is damaged or is not a spool."""


class NoSuchDeadLetter(BridgeError):
    """The spool has no dead letter with this number. It was replayed or deleted, or it never existed."""


class SpoolInUse(BridgeError):
    """Another process has this spool open."""


class UsageError(BridgeError):
    """An option or argument of a command is missing, or has a value that cannot be used."""


class BridgeNotRunning(BridgeError):
    """No bridge responds to a command."""


class NoPermission(BridgeError):
    """The user may not use the spool's folder. Only root and the user of the bridge may use the folder."""


class SendError(BridgeError):
    """A request to Kinesis failed for all of its records."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}" if detail else code)


class Unavailable(SendError):
    """The request failed, but a retry may succeed: network error, HTTP 5xx, throttling, an expired token."""


class OutcomeUnknown(Unavailable):
    """No readable response arrived. Kinesis may have stored the records, so the retry may create duplicates."""


class Refused(SendError):
    """No retry succeeds until a person acts. `hint` describes the required action."""

    def __init__(self, code: str, detail: str, hint: str) -> None:
        self.hint = hint
        super().__init__(code, detail)


class InvalidRequest(SendError):
    """Kinesis can never accept the request. The cause is one of the records or the stream's name.

    The response does not identify the record.
    """
