"""Warning about payloads that are themselves aggregated records in the format of the Kinesis Producer Library.

With `packing: kpl`, the bridge puts such a payload into a second aggregate, so consumers return the payload unchanged
(see `packers`). Without aggregation (`packing: none`, or a stream that chooses the shards itself), the payload is not
protected. A consumer that de-aggregates then returns the records inside the payload. The Kinesis Client Library (KCL)
discards them if their keys belong to other shards.

The bridge sends an unprotected payload nevertheless. `packing: none` promises the payload byte for byte, and consumers
that do not de-aggregate receive exactly these bytes. If the payload became a dead letter, these consumers would receive
nothing. If the payload was aggregated, they would receive other bytes. Some users forward aggregated records on
purpose. So the bridge only logs one warning, with a remedy.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.model import Destination

logger = logging.getLogger(__name__)


class AggregatePayloads:
    """Counter of the unprotected payloads of one stream. A warning is logged for the first unprotected payload."""

    def __init__(self, destination: Destination) -> None:
        self.count = 0
        self._destination = destination

    def add(self, count: int) -> None:
        """Count payloads that were sent without protection."""
        if count and not self.count:
            self._warn()
        self.count += count

    def _warn(self) -> None:
        packing = self._destination.packing
        logger.warning(
            "stream %s: a payload is itself a KPL aggregated record, and was sent unchanged (%s). Consumers that "
            "de-aggregate, such as the KCL, return the records inside the payload, or discard them; %s",
            self._destination,
            "packing: none" if packing == "none" else f"packing: {packing} is not applied to this stream now",
            "set packing: kpl, and consumers return the payload unchanged"
            if packing == "none"
            else "consumers return the payload unchanged only while partition keys determine the shard",
        )
