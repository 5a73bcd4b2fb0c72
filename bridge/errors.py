"""Every error of the bridge, and what is done about each.

    BridgeError
      ConfigError(problems)        at start: print all, exit 2 · at reload: keep what is in force, say so everywhere
      Rejected(code, detail)       dead-letter this message or record, acknowledge, go on
        DecodeError  TransformError  PartitionKeyError  RecordTooLarge
      SpoolFull                    stop reading; the broker keeps the rest; resume when there is room
      SpoolWriteError              disk full, read-only or broken: do not acknowledge, say so, try again
      SpoolCorrupt                 set the file aside, start a new one, alarm
      SpoolInUse                   another bridge owns this spool: exit 1
      SendError
        Unavailable                keep everything, back off with jitter, for ever
          OutcomeUnknown           the same, and the records may be there already: count possible duplicates
        Refused(hint)              a human must act: keep everything, not ready, retry slowly, say what to do
        InvalidRequest             halve the request until the one record that can never be accepted is alone

A total failure raises. A partial failure is a value: which records, which code, whether to retry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.model import RejectionCode


class BridgeError(Exception):
    """The root of every error that the bridge raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in a file. `line` and `column` count from 1; 0 means the whole file."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class ConfigError(BridgeError):
    """What is wrong with the configuration or the mappings: all of it, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


class Rejected(BridgeError):
    """This message or record goes to the dead letters. `code` is one short word, `detail` is for a person."""

    code: ClassVar[RejectionCode]

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(f"{self.code}: {detail}")


class DecodeError(Rejected):
    """The payload is not what the mapping says it is."""

    code = "decode"


class TransformError(Rejected):
    """`where` or `transform` failed on this message."""

    code = "transform"


class PartitionKeyError(Rejected):
    """The partition key is missing, empty, not text, or longer than 256 characters."""

    code = "partition_key"


class RecordTooLarge(Rejected):
    """Larger than any record its stream takes."""

    code = "too_large"


class SpoolFull(BridgeError):
    """The spool has reached `spool.max_bytes`, and `when_full` is `block`."""


class SpoolWriteError(BridgeError):
    """The disk would not take a transaction; nothing of it is kept and nothing may be acknowledged."""


class SpoolCorrupt(BridgeError):
    """The spool's file is damaged, or is no spool."""


class SpoolInUse(BridgeError):
    """Another process has this spool open."""


class SendError(BridgeError):
    """A whole request to Kinesis failed."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}" if detail else code)


class Unavailable(SendError):
    """It may work later by itself: network, 5xx, throttling, an expired token."""


class OutcomeUnknown(Unavailable):
    """No answer came, or none that can be read: the records may have been stored. They are sent again."""


class Refused(SendError):
    """It will not work until a human acts; `hint` says what to do."""

    def __init__(self, code: str, detail: str, hint: str) -> None:
        self.hint = hint
        super().__init__(code, detail)


class InvalidRequest(SendError):
    """Some record of the request, or the stream's name, can never be accepted; which one, Kinesis does not say."""
