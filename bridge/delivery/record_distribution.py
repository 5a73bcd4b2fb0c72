"""Record distribution of a stream: whether partition keys or Kinesis determine the shard of a record.

The operator of an on-demand stream may set its RecordDistributionStrategy to AUTO, at any time and with immediate
effect. Kinesis then ignores partition keys and explicit hash keys, and stores the records of one key on any shard:
https://docs.aws.amazon.com/streams/latest/dev/service-managed-pk-producing-behavior.html

A KCL consumer silently discards an aggregated record if any key in the record does not belong to the shard that stored
it. This happens even if all records in the aggregated record have the same key. So the bridge may aggregate records
only if it knows that keys determine the shard:
https://docs.aws.amazon.com/streams/latest/dev/service-managed-pk-kpl-aggregation.html

    state        aggregate   next state
    unknown      no          1. by_service if DescribeStreamSummary returns AUTO, by_key if it returns another value
                             2. by_key if DescribeStreamSummary is not permitted, two or more shards are known, and the
                                expected shards accepted the records of CONFIRMING_KEYS different keys
                             3. by_key if DescribeStreamSummary is not permitted and exactly one open shard is listed.
                                The state becomes unknown again when a second shard is found.
    by_key       yes         1. by_service if DescribeStreamSummary returns AUTO
                             2. by_service if a shard accepted a record whose key does not belong to the shard
    by_service   no          by_key if DescribeStreamSummary returns USER_PARTITION_KEY

The expected shard of a record is the shard whose range contains the hash of the record's key.

Old releases of botocore omit the strategy from every response. So a response without a strategy is ignored after a
shard has accepted a record whose key does not belong to the shard. A call of DescribeStreamSummary that is throttled or
fails changes nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.kinesis.publisher import StreamDescription
    from bridge.model import Destination

logger = logging.getLogger(__name__)

BY_SERVICE, BY_KEY = "AUTO", "USER_PARTITION_KEY"
"""Values of RecordDistributionStrategy:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateStreamRecordDistributionStrategy.html"""

MAX_ANSWER_SECS = 10.0
"""Maximum time in seconds for which a response of DescribeStreamSummary can be out of date when it arrives.

If a shard accepts a record whose key does not belong to the shard, the strategy has probably changed. A response that
arrives less than 10 s later is ignored, because it may describe the stream before this change.
"""

CONFIRMING_KEYS = 20
"""Number of different keys that prove that keys determine the shard.

If Kinesis chose one of two shards at random, all 20 records would be on the expected shards once in 2^20 cases.
"""

Distribution = Literal["unknown", "by_key", "by_service"]


class RecordDistribution:
    """State of one stream. Not thread-safe: callers hold a lock.

    `described` is true after a DescribeStreamSummary call has ended, successfully or not.
    """

    def __init__(self, destination: Destination) -> None:
        self.state: Distribution = "unknown"
        self.described = False
        self._destination = destination
        self._denied = False
        self._one_shard = False
        self._confirmed: set[str] = set()
        self._contradicted_at: float | None = None

    @property
    def needs_proof(self) -> bool:
        """True while DescribeStreamSummary is not permitted and the state is unknown.

        Only the shards of accepted records can then show how the stream distributes records.
        """
        return self._denied and self.state == "unknown"

    def on_described(self, description: StreamDescription | None, now: float) -> None:
        """Update the state from a response of DescribeStreamSummary. `description` is None if the call failed."""
        self.described = True
        if description is None:
            return
        if not description.described:
            self._on_denied()
            return
        self._denied = self._one_shard = False
        if description.distribution == BY_SERVICE:
            self._contradicted_at = None
            self._enter("by_service")
        elif self._contradicted_at is None or self._outweighs(description, now - self._contradicted_at):
            self._contradicted_at = None
            self._enter("by_key")

    def on_confirmed(self, keys: Iterable[str]) -> None:
        """Add keys whose records the expected shards have accepted.

        The caller must know two or more shards: with one shard, the expected shard accepts every record.
        """
        self._confirmed.update(keys)
        if self.needs_proof and len(self._confirmed) >= CONFIRMING_KEYS:
            self._enter("by_key")

    def on_shards(self, count: int, *, complete: bool, changed: bool) -> None:
        """Update the state from the number of known open shards.

        `complete` is true if no other open shards exist. `changed` is true if one of the shards is new.
        """
        if changed:
            # Records that the earlier shards accepted prove nothing about the new shards.
            self._confirmed.clear()
        if complete and count == 1 and self.needs_proof:
            self._one_shard = True
            self._enter("by_key")
        elif self._one_shard and not (complete and count == 1):
            self._one_shard = False
            if self.state == "by_key":
                self.state = "unknown"

    def on_contradicted(self, now: float) -> None:
        """Enter the state by_service, because a shard accepted a record whose key does not belong to the shard."""
        self._one_shard = False
        self._contradicted_at = now
        self._enter("by_service")

    def _on_denied(self) -> None:
        if not self._denied and self._destination.packing == "kpl" and self.state == "unknown":
            logger.info(
                "stream %s: DescribeStreamSummary is not permitted, so records are aggregated only after accepted "
                "records of %d partition keys have shown that keys determine the shard",
                self._destination,
                CONFIRMING_KEYS,
            )
        self._denied = True

    @staticmethod
    def _outweighs(description: StreamDescription, secs_since_contradiction: float) -> bool:
        return description.distribution == BY_KEY and secs_since_contradiction > MAX_ANSWER_SECS

    def _enter(self, state: Distribution) -> None:
        before, self.state = self.state, state
        self._confirmed.clear()
        if before == state:
            return
        if state == "by_service":
            self._warn()
        elif before == "by_service" or self._denied:
            logger.info("stream %s: partition keys determine the shard", self._destination)

    def _warn(self) -> None:
        kpl = ", and packing: kpl is not applied, since consumers would discard aggregated records"
        logger.warning(
            "stream %s places records itself (record distribution strategy AUTO): partition keys determine neither the "
            "shard nor the order in which consumers read%s",
            self._destination,
            kpl if self._destination.packing == "kpl" else "",
        )
