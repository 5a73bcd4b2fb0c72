"""All sender pools of the bridge.

Each endpoint has a separate pool, so that an endpoint that hangs does not use the threads of another endpoint.
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
    """Pools by endpoint, and senders by queue name.

    `start_thread(name, body)` starts a thread. The owner of this object also owns and joins these threads.
    """

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
        """Send the records of this queue from now on. Do nothing if the queue was added before, or after `stop`.

        May be called on any thread. Raise ValueError if the queue's name contains settings that this version does not
        know.
        """
        with self._adding:
            if queue.stream in self.senders or self._stopped:
                return
            endpoint = self._transport.endpoint(queue.stream)
            pool = self._pools.get(endpoint)
            new = pool is None
            if pool is None:
                pool = SenderPool(endpoint, self._transport, self._settings)
                pool.on_worker_needed = partial(self._start_worker, pool)
            sender = pool.add(queue)
            if new:
                # The pool is stored only now. If `add` raised an error, the pool would have no thread, and later queues
                # of this endpoint would not be sent.
                self._pools[endpoint] = pool
                self._start_worker(pool)
            # The sender is stored after its thread has started. The health check reports a sender without threads as
            # failed.
            self.senders[queue.stream] = sender

    def _start_worker(self, pool: SenderPool) -> None:
        self._start_thread(f"send {pool.threads} {pool.endpoint}", pool.run)

    def endpoints(self) -> tuple[EndpointStatus, ...]:
        """Return the measurements and limits of every endpoint. May be called on any thread."""
        # The list is a copy, because the ingest thread may add a pool during the iteration.
        return tuple(pool.status() for pool in list(self._pools.values()))

    def shards(self) -> list[StreamShards]:
        """Return the known shards of each stream. May be called on any thread."""
        return [each for pool in list(self._pools.values()) for each in pool.shards()]

    def stop(self) -> None:
        """Make every thread return: at once if it waits, otherwise when its request has ended."""
        # The ingest thread still runs. Without the flag, it could add a pool that is never stopped.
        with self._adding:
            self._stopped = True
        for pool in list(self._pools.values()):
            pool.stop()
