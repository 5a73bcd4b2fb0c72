"""Warning about payloads that are themselves aggregated records in the format of the Kinesis Producer Library.

With `packing: kpl`, such a payload is put into a second aggregate, so consumers return it unchanged (see `packers`).
Without aggregation (`packing: none`, or a stream that chooses the shards itself), it is not protected: a consumer that
de-aggregates returns the records inside the payload, and the KCL discards those whose keys belong to other shards. The
bridge sends the payload nevertheless. `packing: none` promises the payload byte for byte, and consumers that do not
de-aggregate receive exactly these bytes. They would get nothing if the payload became a dead letter, and other bytes if
it was aggregated. Some users forward aggregated records on purpose. The bridge therefore only logs one warning, with a
remedy.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.model import Destination

logger = logging.getLogger(__name__)


class AggregatePayloads:
    """Counter of unprotected payloads of one stream, with a warning about the first payload."""

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
            "stream %s: a payload is itself a KPL aggregated record, and was sent as it is (%s). Consumers that "
            "de-aggregate, such as the KCL, return the records inside instead, or discard them; %s",
            self._destination,
            "packing: none" if packing == "none" else f"packing: {packing} is not applied to this stream now",
            "set packing: kpl to have the payload returned unchanged"
            if packing == "none"
            else "it is returned unchanged while partition keys determine the shard",
        )
