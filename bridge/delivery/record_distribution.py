"""Whether partition keys decide on which shard a stream stores its records, as they do unless it is told otherwise.

An on-demand stream may be set to place records itself (RecordDistributionStrategy AUTO), at any time. A consumer that
de-aggregates discards what comes to a shard that a key in it does not belong to, so nothing is aggregated then:
https://docs.aws.amazon.com/streams/latest/dev/service-managed-pk-kpl-aggregation.html

DescribeStreamSummary tells it. Where that may not be asked, a record that is stored where its key does not belong does.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.kinesis.shard_map import hash_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.delivery.accumulator import Dispatch
    from bridge.kinesis.packing.packers import Packed
    from bridge.kinesis.shard_map import Shard, ShardMap
    from bridge.model import Destination

logger = logging.getLogger(__name__)

BY_SERVICE, BY_KEY = "AUTO", "USER_PARTITION_KEY"


class Placement:
    """Of one stream; tells its dispatch. Not thread-safe: the sender guards it."""

    def __init__(self, destination: Destination, dispatch: Dispatch) -> None:
        self._destination = destination
        self._dispatch = dispatch

    def told(self, strategy: str) -> None:
        """What DescribeStreamSummary says; "": nothing."""
        if strategy in (BY_SERVICE, BY_KEY):
            self._set(by_service=strategy == BY_SERVICE)

    def decide(self, stray: Iterable[tuple[Packed, str]], known: ShardMap) -> tuple[list[Packed], list[Packed]]:
        """Packed records that came to another shard than they were made for, each with that shard's id.

        Those that a consumer keeps all the same, since every key in them belongs to that shard; and the others.
        """
        kept: list[Packed] = []
        discarded: list[Packed] = []
        for packed, shard_id in stray:
            shard = known.get(shard_id)
            (kept if shard is not None and shard.holds(packed.keys) else discarded).append(packed)
            if shard is not None and not _was_bound_for(packed, shard):
                self._set(by_service=True)
        if self._dispatch.shards.useless:
            self._dispatch.shards.map = None
        return kept, discarded

    def _set(self, *, by_service: bool) -> None:
        if by_service == self._dispatch.shards.useless:
            return
        self._dispatch.place_by_key(not by_service)
        self._tell(by_service=by_service)

    def _tell(self, *, by_service: bool) -> None:
        if not by_service:
            logger.info("stream %s: partition keys decide on the shard again", self._destination)
            return
        kpl = ", and packing: kpl is left off, since consumers would discard what is packed"
        logger.warning(
            "stream %s places records itself (record distribution strategy AUTO): a partition key decides neither on "
            "the shard nor on the order that consumers see%s",
            self._destination,
            kpl if self._destination.packing == "kpl" else "",
        )


def _was_bound_for(packed: Packed, shard: Shard) -> bool:
    """Whether its hash belongs to the shard, whose range never changes."""
    place = hash_of(packed.key) if packed.hash_key is None else int(packed.hash_key)
    return shard.first_hash <= place <= shard.last_hash
