"""Functions that add dead letters for messages that cannot be mapped, and count them in the ledger."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.model import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.ingest.bindings import MappingBinding
    from bridge.mapping.mapping import Mapping
    from bridge.model import DeadLetterCode, Message, Rejection
    from bridge.spool.database.transaction import Transaction

log = logging.getLogger(__name__)


def reject(
    transaction: Transaction,
    mapping: Mapping,
    target: MappingBinding,
    message: Message,
    rejections: Iterable[Rejection],
    total_bytes: int,
) -> None:
    """Add a dead letter for each rejection. The ledger counts a rejection once for each of its outputs."""
    for outputs, item, code, detail in rejections:
        queues = [target.queues[output] for output in outputs]
        for queue in queues:
            transaction.dead_lettered[target.mapping, queue.number] += 1
        streams = tuple(queue.stream for queue in queues)
        dead_letter = DeadLetter.of_message(message, total_bytes, code, detail, mapping.name, streams, item)
        transaction.dead_letters.append(dead_letter)


def reject_oversized(
    transaction: Transaction, mapping: Mapping, target: MappingBinding, message: Message, total_bytes: int
) -> None:
    """Add a dead letter for all outputs of a mapping: the payload is larger than `mqtt.max_message_bytes`."""
    detail = f"a payload of {total_bytes} bytes exceeds mqtt.max_message_bytes; only its beginning is stored"
    _reject_all(transaction, mapping, target, message, total_bytes, "too_large", detail)


def reject_poison(
    transaction: Transaction, mapping: Mapping, target: MappingBinding, message: Message, total_bytes: int
) -> None:
    """Add a dead letter for all outputs of a mapping: the process ended repeatedly while it mapped this message."""
    detail = "the process was killed or hung each time it mapped this message, so it was not mapped again"
    log.error("a poison message on topic %s became a dead letter of mapping %s", message.topic, mapping.name)
    _reject_all(transaction, mapping, target, message, total_bytes, "poison", detail)


def _reject_all(
    transaction: Transaction,
    mapping: Mapping,
    target: MappingBinding,
    message: Message,
    total_bytes: int,
    code: DeadLetterCode,
    detail: str,
) -> None:
    """Add a dead letter for all outputs of a mapping. The message was not mapped."""
    for queue in target.queues:
        transaction.dead_lettered[target.mapping, queue.number] += 1
    streams = tuple(queue.stream for queue in target.queues)
    dead_letter = DeadLetter.of_message(message, total_bytes, code, detail, mapping.name, streams)
    transaction.dead_letters.append(dead_letter)


def reject_topic(transaction: Transaction, unmatched_ids: tuple[int, int], message: Message, total_bytes: int) -> None:
    """Add a dead letter for a message that no mapping can match: its topic is empty or not UTF-8."""
    transaction.dead_lettered[unmatched_ids] += 1
    detail = "the topic is not UTF-8"
    if not message.topic:
        # The bridge cannot parse the property Topic Alias, so a message with an alias has an unreadable property.
        alias = "unreadable" in message.properties
        detail = "no topic, but a topic alias that the bridge does not permit" if alias else "the topic is empty"
    transaction.dead_letters.append(DeadLetter.of_message(message, total_bytes, "topic", detail))
