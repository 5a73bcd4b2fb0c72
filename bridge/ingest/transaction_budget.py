"""Budget of one transaction in bytes, so that the records and dead letters of any message fit into the spool.

A transaction that is larger than the spool could never be committed, and would block the bridge permanently. The spool
reserves for dead letters and for the state of mappings a quarter of `spool.max_bytes` each
(`bridge.spool.settings.SpoolSettings.dead_letter_bytes`, `bridge.spool.mapping_state.SPOOL_SHARE`), and a full spool
resumes when a tenth is free. The rest, 40 %, always has room for one transaction:

1. A transaction ends with the message that reaches an eighth (`full_bytes`).
2. If a mapping makes more of a message than fits, the message becomes one dead letter of the mapping without records.
3. If not even the dead letter fits, only the beginning of its payload is stored.
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
"""Bytes after which a transaction ends. The bytes of a transaction are in memory twice."""
TRANSACTION_SHARE: Final = 8
MESSAGE_SHARE: Final = 4
"""Divisors of `spool.max_bytes`: a transaction is full at an eighth, and its last message may add a quarter."""
TRUNCATED_PAYLOAD_BYTES: Final = 4096
"""Bytes that are stored of a payload if the dead letters of many mappings have used the room."""


class TransactionBudget:
    """Bytes that the messages of the current transaction have used. Used by the ingest thread only."""

    def __init__(self, settings: SpoolSettings) -> None:
        self.full_bytes = min(MAX_TRANSACTION_BYTES, settings.max_bytes // TRANSACTION_SHARE)
        self._message_bytes = settings.max_bytes // MESSAGE_SHARE
        self._max_bytes = self.full_bytes + self._message_bytes
        self._max_dead_letter_bytes = settings.dead_letter_bytes // PAYLOAD_SHARE
        self.used = 0
        """Estimated bytes. `begin` sets it to 0."""

    def begin(self) -> None:
        """Begin a transaction."""
        self.used = 0

    @property
    def full(self) -> bool:
        """True if the next message belongs to the next transaction."""
        return self.used > self.full_bytes

    def bounded(self, mapped: MappingResult, message: Message) -> tuple[MappingResult, Message]:
        """Count a message's results, and return them with the message for its dead letters.

        If the results do not fit, the result is one rejection for all outputs.
        """
        drafts = mapped.drafts
        # A message usually has one record. For it, a sum would take three times as long.
        records = len(drafts[0][2]) if len(drafts) == 1 else sum([len(draft[2]) for draft in drafts])
        if not mapped.rejections and self.used + records <= self._max_bytes:
            self.used += records
            return mapped, message
        # Each item of `each` that is rejected is a dead letter with the complete payload.
        rejected = len(mapped.rejections) * self._stored_bytes(message)
        several = bool(mapped.drafts) or len(mapped.rejections) > 1
        if self.used + records + rejected <= self._max_bytes and (
            rejected <= self._max_dead_letter_bytes or not several
        ):
            self.used += records + rejected
            return mapped, message
        if several:
            # The state of the mapping has already changed, so the side effects are kept.
            mapped = MappingResult([], (self._too_large(mapped, records, rejected),), mapped.effects)
        return mapped, self.for_dead_letter(message)

    def for_dead_letter(self, message: Message) -> Message:
        """Count one dead letter of a message, and return the message, cut short if the transaction has no room."""
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
