"""All sender pools of the bridge.

Each endpoint has its own pool, so that an endpoint that hangs does not use the threads of another.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from bridge.delivery.sender_pool import SenderPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.delivery.endpoint_status import EndpointStatus
    from bridge.delivery.protocols import PutRecordsTransport, RecordQueue
    from bridge.delivery.settings import SenderSettings
    from bridge.delivery.shard_status import StreamShards
    from bridge.delivery.stream_sender import StreamSender


class SenderPools:
    """Pools by endpoint, and senders by queue name. `start_thread(name, body)` starts a thread that the caller owns."""

    def __init__(
        self,
        transport: PutRecordsTransport,
        settings: SenderSettings,
        start_thread: Callable[[str, Callable[[], None]], None],
    ) -> None:
        self.senders: dict[str, StreamSender] = {}
        self._transport = transport
        self._settings = settings
        self._start_thread = start_thread
        self._pools: dict[str, SenderPool] = {}
        self._adding = threading.Lock()
        self._stopped = False

    def add(self, queue: RecordQueue) -> None:
        """Send this queue from now on, if it is not sent yet. Any thread. After `stop` it does nothing.

        Raise ValueError if a newer version of this program named the queue.
        """
        with self._adding:
            if queue.stream in self.senders or self._stopped:
                return
            endpoint = self._transport.endpoint(queue.stream)
            pool = self._pools.get(endpoint)
            new = pool is None
            if pool is None:
                pool = self._pools[endpoint] = SenderPool(endpoint, self._transport, self._settings)
                pool.on_worker_needed = partial(self._start_worker, pool)
            sender = pool.add(queue)
            if new:
                self._start_worker(pool)
            self.senders[queue.stream] = (
                sender  # only now: health takes a sender without threads for one whose threads have ended
            )

    def _start_worker(self, pool: SenderPool) -> None:
        self._start_thread(f"send {pool.threads} {pool.endpoint}", pool.run)

    def endpoints(self) -> tuple[EndpointStatus, ...]:
        """Return the measurements and limits of every endpoint. Any thread."""
        # A copy, because ingest may add a pool during the iteration.
        return tuple(pool.status() for pool in list(self._pools.values()))

    def shards(self) -> list[StreamShards]:
        """Return the known shards of each stream. Any thread."""
        return [each for pool in list(self._pools.values()) for each in pool.shards()]

    def stop(self) -> None:
        """Make every worker return. A waiting worker returns at once, the others when their requests have ended."""
        with self._adding:  # ingest still runs, and a pool that it adds after this would never be stopped
            self._stopped = True
        for pool in list(self._pools.values()):
            pool.stop()
