"""Size limit of a transaction, so that the records and dead letters of every message fit into the spool.

A transaction that is larger than the spool could never be committed. It would block the bridge permanently. A quarter
of `spool.max_bytes` is reserved for dead letters (`SpoolSettings.dead_letter_bytes`), and another quarter for the
states of mappings (`bridge.spool.mapping_state.SPOOL_SHARE`). A full spool accepts transactions again when a tenth is
free. One transaction must fit into the remaining 40 %:

1. A transaction ends with the message that makes it larger than an eighth of `spool.max_bytes` (`full_bytes`).
2. If the results of a mapping for one message do not fit, no record is made. The message becomes one dead letter.
3. If not even this dead letter fits, only the beginning of its payload is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import RecordTooLarge
from bridge.model import MappingResult, Rejection
from bridge.spool.dead_letters import PAYLOAD_SHARE, stored_bytes

if TYPE_CHECKING:
    from bridge.model import Message
    from bridge.spool.settings import SpoolSettings

MAX_TRANSACTION_BYTES: Final = 64 * 1024 * 1024
"""Maximum of `full_bytes`, to save memory: the bytes of a transaction are in memory twice."""
TRANSACTION_SHARE: Final = 8
MESSAGE_SHARE: Final = 4
"""Fractions of `spool.max_bytes`: a transaction is full at an eighth, and its last message may add a quarter."""
TRUNCATED_PAYLOAD_BYTES: Final = 4096
"""Bytes of a payload that are stored if the dead letters of many mappings have filled the transaction."""


class TransactionBudget:
    """Bytes that the current transaction has used, and its limits. Only the ingest thread uses this object."""

    def __init__(self, settings: SpoolSettings) -> None:
        self.full_bytes = min(MAX_TRANSACTION_BYTES, settings.max_bytes // TRANSACTION_SHARE)
        self._message_bytes = settings.max_bytes // MESSAGE_SHARE
        self._max_bytes = self.full_bytes + self._message_bytes
        self._max_dead_letter_bytes = settings.dead_letter_bytes // PAYLOAD_SHARE
        self.used = 0
        """Estimated bytes of the current transaction."""

    def begin(self) -> None:
        """Begin a transaction."""
        self.used = 0

    @property
    def full(self) -> bool:
        """True if the current transaction must not get another message."""
        return self.used > self.full_bytes

    def bounded(self, mapped: MappingResult, message: Message) -> tuple[MappingResult, Message]:
        """Count the results of a mapping for a message. Return the results, and the message for dead letters.

        If the results do not fit, return one rejection for all outputs instead. The returned message may have a shorter
        payload.
        """
        drafts = mapped.drafts
        # Usually there is one record. In this case, `sum` would take three times as long.
        records = len(drafts[0][2]) if len(drafts) == 1 else sum([len(draft[2]) for draft in drafts])
        if not mapped.rejections and self.used + records <= self._max_bytes:
            self.used += records
            return mapped, message
        # Each rejected item of `each` is a dead letter that contains the complete payload of the message.
        rejected = len(mapped.rejections) * self._stored_bytes(message)
        several = bool(mapped.drafts) or len(mapped.rejections) > 1
        if self.used + records + rejected <= self._max_bytes and (
            rejected <= self._max_dead_letter_bytes or not several
        ):
            self.used += records + rejected
            return mapped, message
        if several:
            # Keep the side effects, because the state of the mapping has already changed.
            mapped = MappingResult([], (self._too_large(mapped, records, rejected),), mapped.effects)
        return mapped, self.for_dead_letter(message)

    def for_dead_letter(self, message: Message) -> Message:
        """Count one dead letter of a message. Return the message, with a truncated payload if it does not fit."""
        if self.used + self._stored_bytes(message) > self._max_bytes:
            message = message._replace(payload=message.payload[:TRUNCATED_PAYLOAD_BYTES])
        self.used += self._stored_bytes(message)
        return message

    def _stored_bytes(self, message: Message) -> int:
        return stored_bytes(message) - max(0, len(message.payload) - self._max_dead_letter_bytes)

    def _too_large(self, mapped: MappingResult, records: int, rejected: int) -> Rejection:
        outputs = {draft.output for draft in mapped.drafts}.union(*(each.outputs for each in mapped.rejections))
        detail = (
            f"the message makes {len(mapped.drafts):,} records of {records:,} bytes and {len(mapped.rejections):,} "
            f"dead letters of {rejected:,} bytes; at most {self._message_bytes:,} bytes (1/{MESSAGE_SHARE} of "
            f"spool.max_bytes), and at most {self._max_dead_letter_bytes:,} bytes of dead letters"
        )
        return Rejection(tuple(sorted(outputs)), None, RecordTooLarge.code, detail)
