"""Every error of the bridge, and how the bridge handles it.

    BridgeError
      UsageError                   an option of a command has no usable value: exit 2
      ConfigError(problems)        at start: print all, exit 2 · at reload: use the last good version, report everywhere
      Rejected(code, detail)       dead-letter this message or record, acknowledge, continue
        DecodeError  TransformError  PartitionKeyError  RecordTooLarge
      SpoolFull                    stop reading (back-pressure); the broker stores messages; resume when there is room
      SpoolWriteError              disk full, read-only or broken: do not acknowledge, report, retry
      SpoolCorrupt                 set the file aside, start a new one, alarm
      SpoolInUse                   another bridge owns this spool: exit 1
      BridgeNotRunning             no bridge responds to a command: exit 3
      NoPermission                 the user may not use the spool's folder: exit 4
      NoSuchDeadLetter             report it: the page's API responds 404
      SendError
        Unavailable                store all records, retry for ever with back-off and jitter
          OutcomeUnknown           as Unavailable, but Kinesis may already have the records: count possible duplicates
        Refused(hint)              a person must act: store all records, not ready, retry slowly, report the remedy
        InvalidRequest             halve the request until the record that Kinesis can never accept is alone

An operation that fails completely raises an error. An operation that fails for some records returns these records,
their codes, and whether to retry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

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
    """The record is larger than its stream accepts, or the records of a message are larger than the spool accepts."""

    code = "too_large"


class SpoolFull(BridgeError):
    """The spool has reached `spool.max_bytes`, and `when_full` is `block`."""


class SpoolWriteError(BridgeError):
    """The disk did not accept a transaction: no part of it is stored, and no message in it may be acknowledged."""


class SpoolCorrupt(BridgeError):
    """The spool's file is damaged or is not a spool."""


class NoSuchDeadLetter(BridgeError):
    """The spool has no dead letter of this number: it was replayed or deleted, or never existed."""


class SpoolInUse(BridgeError):
    """Another process has this spool open."""


class UsageError(BridgeError):
    """An option or argument of a command is missing, or has a value that cannot be used."""


class BridgeNotRunning(BridgeError):
    """No bridge responds to a command."""


class NoPermission(BridgeError):
    """The user may not use the spool's folder. Only the bridge's user, who owns it, and root may."""


class SendError(BridgeError):
    """A complete request to Kinesis failed."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}" if detail else code)


class Unavailable(SendError):
    """A retry may succeed without any action: network, 5xx, throttling, an expired token."""


class OutcomeUnknown(Unavailable):
    """There was no readable response. Kinesis may have stored the records, and the sender sends them again."""


class Refused(SendError):
    """No retry succeeds until a person acts. `hint` describes the required action."""

    def __init__(self, code: str, detail: str, hint: str) -> None:
        self.hint = hint
        super().__init__(code, detail)


class InvalidRequest(SendError):
    """Kinesis can never accept a record of the request, or the stream's name. The response does not identify which."""
