"""Mapper of a burst: it converts packets to the changes of one transaction, and to acknowledgement packets.

The acknowledgements are sent after the commit of the transaction:

1. A PUBLISH packet with QoS 1 is acknowledged with PUBACK.
2. A PUBLISH packet with QoS 2 is acknowledged with PUBREC. The transaction stores the packet identifier together with
   the records. If the broker sends a PUBLISH packet with a stored identifier, only the acknowledgement is repeated.
3. A PUBREL packet is acknowledged with PUBCOMP. The transaction deletes the packet identifier.

So each QoS 2 message is stored exactly once, even if the process is killed at any time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.ingest.poison_guard import PoisonGuard
from bridge.ingest.rejection import reject, reject_oversized, reject_poison, reject_topic
from bridge.ingest.transaction_budget import TransactionBudget
from bridge.mapping.pipeline.fast_path import FILTERED_FAST
from bridge.model import NO_PROPERTIES, Message
from bridge.mqtt.connection import MAX_BURST_BYTES
from bridge.mqtt.packet_stream import PUBACK, PUBCOMP, PUBREC, PUBREL
from bridge.mqtt.properties import readable, subscription_identifiers
from bridge.spool.database.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping as MappingOf

    from bridge.ingest.bindings import MappingBinding
    from bridge.ingest.topic_coverage import TopicCoverage
    from bridge.mapping.mapping import Mapping
    from bridge.mapping.router import RouteMatch, Router, RouteTarget
    from bridge.model import OutgoingMessage, ReleasedRecord, SideEffects
    from bridge.mqtt.packet_stream import Publish
    from bridge.spool.queue.stream_queue import StreamQueue
    from bridge.spool.store import Spool

log = logging.getLogger(__name__)

# QoS bits in the first byte of a PUBLISH packet.
_QOS_BITS, _QOS_1, _QOS_2 = 0x06, 0x02, 0x04
MAX_TRANSACTION_RECORDS = 20_000
"""Maximum number of records in a transaction, which bounds its memory. A larger burst needs several transactions."""


@dataclass(slots=True)
class IngestCounters:
    """Counters since the start of the process. The ledger does not contain them."""

    messages: int = 0
    payload_bytes: int = 0
    redelivered: int = 0
    bursts: int = 0
    commits: int = 0
    unmatched: int = 0


class BurstMapper:
    """Mapper of bursts. Only the ingest thread uses it.

    `map` adds records to their queues, and all other changes to `transaction`. The caller commits `transaction`, and
    then publishes `commands`.
    """

    def __init__(self, spool: Spool, routes: Router, coverage: TopicCoverage, guard: PoisonGuard | None = None) -> None:
        self.rest: list[Publish] = []
        """Messages that `map` has not processed because the transaction is full."""
        self.counts = IngestCounters()
        self.transaction = Transaction()
        self.commands: list[OutgoingMessage] = []
        self._spool = spool
        self._routes = routes
        self._targets: dict[str, MappingBinding] = {}
        self._unmatched_ids = (0, 0)
        self._coverage = coverage
        self._unreleased = spool.open_qos2_ids
        # Subscription identifier by mapping name, if overlapping topic filters are subscribed separately.
        self._identifiers: dict[str, int] = {}
        self._match = routes.match
        self._warned_of_alias = False
        self._guard = guard or PoisonGuard(spool)
        # Number of records in this transaction. Records of the fast path are not counted. When the budget is full, the
        # number is set to MAX_TRANSACTION_RECORDS, which ends the transaction.
        self._records_made = 0
        self._budget = TransactionBudget(spool.settings)
        # True if payloads of the fast path count towards the budget, because there are many mappings (see `bind`).
        self._counts_payloads = False

    def bind(self, routes: Router, targets: dict[str, MappingBinding], unmatched_ids: tuple[int, int]) -> None:
        """Use these mappings and bindings from the next burst on.

        `unmatched_ids` are the numbers (mapping, stream) of the ledger line for messages that no mapping matches.
        """
        self._routes, self._targets, self._unmatched_ids = routes, targets, unmatched_ids
        # A burst has at most about MAX_BURST_BYTES. In the worst case, each mapping creates a record for each message.
        self._counts_payloads = len(targets) * MAX_BURST_BYTES > self._budget.full_bytes
        self.separate({})

    def separate(self, identifiers: MappingOf[str, int]) -> None:
        """Map each copy of a message only by the mappings of its subscription.

        If subscriptions overlap, the broker may send a copy of a message for each subscription. `identifiers` contains
        the subscription identifiers by topic filter.
        """
        names = {mapping.name: mapping.pattern.filter for mapping in self._routes.mappings}
        self._identifiers = {name: identifiers[text] for name, text in names.items() if text in identifiers}
        self._match = self._match_of_copy if self._identifiers else self._routes.match

    def _match_of_copy(self, topic: bytes) -> RouteMatch:
        # For a match without targets, `map` calls `_handle_unusual`, which reads the subscription identifiers of the
        # message.
        match = self._routes.match(topic)
        return match._replace(targets=()) if len(match.targets) > 1 else match

    def session_is_new(self) -> None:
        """Clear the stored packet identifiers. In a new session, the broker uses the same identifiers again."""
        # Set `clear_qos2_ids` only if an identifier is stored, because it causes a write.
        if self._unreleased:
            self._unreleased.clear()
            self.transaction.qos2_ids.clear()
            self.transaction.clear_qos2_ids = True

    def map(self, burst: list[Publish], now_ms: int) -> bytes:  # noqa: C901, PLR0912, PLR0915  a call per message would show
        """Add a burst to the transaction, and return its acknowledgement packets.

        If the transaction is full before the end of the burst, the other messages are in `rest`.
        """
        acknowledgements: list[bytes] = []
        # Local variables are faster than an attribute look-up for each message.
        acknowledge, match_of, targets = acknowledgements.append, self._match, self._targets
        self._guard.begin_burst()
        self._budget.begin()
        noted_bytes, counts_payloads = self._guard.noted_bytes, self._counts_payloads
        payload_bytes, releases, self._records_made = 0, 0, 0
        source = iter(burst)
        for publish in source:
            first, topic, packet_id, _, payload, total_bytes = publish
            qos = first & _QOS_BITS
            if first == PUBREL:
                self._complete_qos2(packet_id)
                # Acknowledge even an unknown identifier (MQTT 5, section 4.3.3).
                releases += 1
                acknowledge(PUBCOMP)
                acknowledge(packet_id)
                continue
            if qos == _QOS_1:
                acknowledge(PUBACK)
                acknowledge(packet_id)
            elif qos == _QOS_2:
                acknowledge(PUBREC)
                acknowledge(packet_id)
                if not self._open_qos2(packet_id):
                    # The message was redelivered, and its records are already in the spool. Only acknowledge it again.
                    continue
            # Count the message before it is mapped, so that a rejected message counts too.
            payload_bytes += total_bytes
            match = match_of(topic)
            if total_bytes > noted_bytes or total_bytes != len(payload) or not match.targets:
                self._handle_unusual(match, publish, now_ms)
                if self._records_made >= MAX_TRANSACTION_RECORDS:
                    break
                continue
            message = None
            for mapping, captures in match.targets:
                target = targets[mapping.name]
                number, queues, tally = target
                # These lines are the same as `tally.count`, without the cost of a call.
                tally.messages += 1
                if tally.last_ms != now_ms:
                    tally.at(now_ms)
                # The fast path returns None if it cannot handle this payload.
                fast_path = mapping.fast_path
                record = fast_path(payload, captures) if fast_path is not None else None
                if record is None:
                    message = message or message_of(match, publish, now_ms)
                    self._apply(mapping, target, captures, match, message)
                elif record is FILTERED_FAST:
                    self._filter(number, queues)
                else:
                    queues[0].append(number, record[1], record[2])
            if counts_payloads:
                self._spend(len(payload) * len(match.targets))
            if self._records_made >= MAX_TRANSACTION_RECORDS:
                break
        # The other packets of the burst belong to the next transaction.
        self.rest = list(source)
        self._guard.end_burst()
        self.counts.messages += len(burst) - len(self.rest) - releases
        self.counts.payload_bytes += payload_bytes
        self.counts.bursts += 1
        return b"".join(acknowledgements)

    def _apply(
        self, mapping: Mapping, target: MappingBinding, captures: dict[str, str], match: RouteMatch, message: Message
    ) -> None:
        number, queues, _ = target
        size = len(message.payload)
        mapped, message = self._budget.bounded(mapping.apply(message, captures, match.levels), message)
        drafts, rejections, effects = mapped
        self._records_made += len(drafts)
        if self._budget.used > self._budget.full_bytes:
            self._records_made = MAX_TRANSACTION_RECORDS
        for output, key, data in drafts:
            queues[output].append(number, key, data)
        if rejections:
            reject(self.transaction, mapping, target, message, rejections, size)
        elif not drafts and effects is None:
            self._filter(number, queues)
        if effects is not None:
            self._take_effects(number, queues, effects)

    def _spend(self, size: int) -> None:
        """Count bytes in the budget. If the budget is full, let the transaction end with this message."""
        self._budget.used += size
        if self._budget.full:
            self._records_made = MAX_TRANSACTION_RECORDS

    def _open_qos2(self, packet_id: bytes) -> bool:
        """Store a QoS 2 packet identifier. Return False if its message is already in the spool."""
        packet = int.from_bytes(packet_id)
        if packet in self._unreleased:
            self.counts.redelivered += 1
            return False
        self._unreleased.add(packet)
        self.transaction.qos2_ids[packet] = True
        return True

    def _complete_qos2(self, packet_id: bytes) -> None:
        packet = int.from_bytes(packet_id)
        self._unreleased.discard(packet)
        self.transaction.qos2_ids[packet] = False

    def _filter(self, number: int, queues: tuple[StreamQueue, ...], messages: int = 1) -> None:
        for queue in queues:
            self.transaction.filtered[number, queue.number] += messages

    def _take_effects(self, number: int, queues: tuple[StreamQueue, ...], effects: SideEffects) -> None:
        if effects.filtered:
            self._filter(number, queues, effects.filtered)
        self.commands += effects.commands
        self.append_released([(number, released) for released in effects.released])

    def append_released(self, released: list[tuple[int, ReleasedRecord]]) -> None:
        """Append records that `sample` has released to their queues. `released`: pairs (mapping number, record)."""
        for number, (destination, key, data) in released:
            self._spool.queue(destination).append(number, key, data)

    def _handle_unusual(self, match: RouteMatch, publish: Publish, now_ms: int) -> None:
        """Handle a message that the loop in `map` cannot handle.

        1. If the topic is empty or not UTF-8, add a dead letter.
        2. If overlapping topic filters are subscribed separately, map this copy by the mappings of its subscription.
        3. If no mapping matches the topic, count the message as filtered. The broker may send such a message because of
           a wider subscription, because of a subscription of an older session, or because `except` excludes the topic.
        4. If the payload is larger than `mqtt.max_message_bytes`, add a dead letter. Only its beginning was read.
        5. If the message may be poison (see `PoisonGuard`), note it before it is mapped, or add a dead letter.
        """
        message, total_bytes = message_of(match, publish, now_ms), publish[-1]
        targets = match.targets or (self._targets_of_copy(publish) if self._identifiers else ())
        if not match.valid:
            self._warn_of_topic(publish)
            reject_topic(self.transaction, self._unmatched_ids, message, total_bytes)
        # If `except` excludes the topic, do not report it as unmatched, because a person has excluded it on purpose.
        elif not targets:
            if not match.excluded:
                self.counts.unmatched += 1
                self._coverage.unmatched(match.topic, now_ms)
            self.transaction.filtered[self._unmatched_ids] += 1
        poison = bool(targets) and not self._guard.begin_message(publish[1], publish[4])
        for mapping, captures in targets:
            target = self._targets[mapping.name]
            target.tally.count(now_ms)
            if poison:
                reject_poison(self.transaction, mapping, target, self._budget.for_dead_letter(message), total_bytes)
            elif total_bytes != len(publish[4]):
                reject_oversized(self.transaction, mapping, target, message, total_bytes)
            else:
                self._apply(mapping, target, captures, match, message)

    def _targets_of_copy(self, publish: Publish) -> tuple[RouteTarget, ...]:
        """Return the mappings of the subscriptions for which the broker has sent this copy.

        If the broker queued the message before it received these subscriptions, the message has no known subscription
        identifier. Then return all matching mappings: the message may be mapped twice, but it is not lost.
        """
        targets = self._routes.match(publish[1]).targets
        found = subscription_identifiers(publish[3])
        own = tuple(target for target in targets if self._identifiers.get(target.mapping.name) in found)
        return own or targets

    def _warn_of_topic(self, publish: Publish) -> None:
        # Log this once per run. The dead letter of each message contains the reason too.
        if not publish[1] and not self._warned_of_alias:
            self._warned_of_alias = True
            log.error(
                "the broker sends messages with an empty topic, or with an alias although the bridge permits none; "
                "they become dead letters. This is a fault of the broker"
            )


def message_of(match: RouteMatch, publish: Publish, now_ms: int) -> Message:
    """Return a PUBLISH packet as a message for mappings."""
    first, _, _, properties, payload, _ = publish
    return Message(
        match.topic,
        payload,
        first >> 1 & 3,
        first & 1 == 1,
        now_ms,
        readable(properties) if properties else NO_PROPERTIES,
    )
