"""Sender pools with real threads, and an endpoint that can hang."""

import contextlib
import threading

from bridge.delivery.sender_pools import SenderPools
from bridge.delivery.settings import SenderSettings
from bridge.kinesis.publisher import StreamDescription
from bridge.kinesis.put_records_codec import RecordAccepted

SETTINGS = SenderSettings(requests_in_flight=4, linger_secs=0.0)


class Endpoint:
    """Endpoint that accepts all records.

    Requests for the streams in `held` are answered only when `go` is set. `most`: requests at once.
    """

    def __init__(self):
        self.held, self.go = set(), threading.Event()
        self.counting, self.at_once, self.most, self.order = threading.Lock(), 0, 0, []

    def endpoint(self, stream):
        return stream.partition(".")[0]

    def describe(self, stream):
        return StreamDescription()

    def list_shards(self, stream):
        return []

    def put_records(self, stream, some):
        with self.counting:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            self.order.append(stream)
        if stream in self.held:
            self.go.wait(30)
        with self.counting:
            self.at_once -= 1
        return [RecordAccepted("1", "shardId-0") for _ in some]


@contextlib.contextmanager
def pools_of(endpoint, settings=SETTINGS):
    threads = []

    def start(name, body):
        thread = threading.Thread(target=body, name=name)
        thread.start()
        threads.append(thread)

    pools = SenderPools(endpoint, settings, start)
    pools.threads = threads
    try:
        yield pools
    finally:
        endpoint.go.set()
        pools.stop()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
