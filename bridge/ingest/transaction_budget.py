"""Size limit of a transaction, so that each transaction fits into the spool.

A transaction that is larger than the spool could never be committed, and would block the bridge permanently. A quarter
of `spool.max_bytes` is reserved for dead letters (`SpoolSettings.dead_letter_bytes`), and another quarter for the
states of mappings (`bridge.spool.mapping_state.SPOOL_SHARE`). A spool that was full accepts transactions again when a
tenth is free (`bridge.spool.retention`). A transaction must fit into the other 40 %:

1. When a transaction is larger than an eighth of `spool.max_bytes` (`full_bytes`), it gets no further messages.
2. If the results of a mapping for one message do not fit, no record is created. The message becomes one dead letter.
3. If this dead letter does not fit either, only the beginning of its payload is stored.
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
"""Maximum of `full_bytes`. It saves memory, because the data of a transaction are in memory twice."""
TRANSACTION_SHARE: Final = 8
"""A transaction is full at an eighth of `spool.max_bytes`."""
MESSAGE_SHARE: Final = 4
"""The last message of a transaction may add at most a quarter of `spool.max_bytes`."""
TRUNCATED_PAYLOAD_BYTES: Final = 4096
"""Number of bytes to which a payload is truncated if its dead letter does not fit into the transaction."""


class TransactionBudget:
    """Size of the current transaction, and its limits. Ingest thread only."""

    def __init__(self, settings: SpoolSettings) -> None:
        self.full_bytes = min(MAX_TRANSACTION_BYTES, settings.max_bytes // TRANSACTION_SHARE)
        self._message_bytes = settings.max_bytes // MESSAGE_SHARE
        self._max_bytes = self.full_bytes + self._message_bytes
        self._max_dead_letter_bytes = settings.dead_letter_bytes // PAYLOAD_SHARE
        self.used = 0
        """Estimated size of the current transaction in bytes."""

    def begin(self) -> None:
        """Begin a transaction."""
        self.used = 0

    @property
    def full(self) -> bool:
        """True if the current transaction must get no further messages."""
        return self.used > self.full_bytes

    def bounded(self, mapped: MappingResult, message: Message) -> tuple[MappingResult, Message]:
        """Count the results of a mapping for a message. Return the results, and the message for their dead letters.

        If the results do not fit, return one rejection for all outputs instead. If the complete message does not fit
        either, its payload is truncated.
        """
        drafts = mapped.drafts
        # Usually, there is one record. Then `sum` would take three times as long.
        records = len(drafts[0][2]) if len(drafts) == 1 else sum([len(draft[2]) for draft in drafts])
        if not mapped.rejections and self.used + records <= self._max_bytes:
            self.used += records
            return mapped, message
        # In a mapping with `each`, every rejected item becomes a dead letter with the complete payload of the message.
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
        """Count one dead letter of a message, and return the message. If it does not fit, its payload is truncated."""
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
            f"dead letters of {rejected:,} bytes; the limits are {self._message_bytes:,} bytes (1/{MESSAGE_SHARE} of "
            f"spool.max_bytes) in total, and {self._max_dead_letter_bytes:,} bytes for the dead letters"
        )
        return Rejection(tuple(sorted(outputs)), None, RecordTooLarge.code, detail)
