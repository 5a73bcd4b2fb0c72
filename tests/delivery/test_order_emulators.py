"""Emulators of Kinesis, which assign sequence numbers themselves, store the records of a partition key in order.

See `test_order_read_back`. The emulator moto is not used, because it loses records of concurrent requests.
"""

import pytest

from tests.delivery.key_order import (
    NO_FAULTS,
    PATIENCE_SECS,
    SETTINGS,
    Traffic,
    burst,
    each_arrival,
    each_number_of_keys,
    each_packing,
    publisher_to,
    queue_of,
    stream,
)
from tests.delivery.test_stream_sender import sending
from tests.fakes.stream_queue import eventually
from tests.harness import kinesis_local
from tests.harness.consumers import read_shards
from tests.harness.ministack import MiniStack

COUNTS = {burst: 1200, stream: 600}


def ministack():
    with MiniStack() as stack:
        yield stack.url, stack.client("kinesis")


def local():
    with kinesis_local.kinesis_local() as url:
        yield url, kinesis_local.client(url)


@pytest.fixture(scope="module", params=[ministack, local], ids=["ministack", "kinesis_local"])
def emulator(request):
    """(URL, client) of an emulator."""
    yield from request.param()


@each_packing
@each_number_of_keys
@each_arrival
def test_emulator_stores_the_records_of_a_key_in_order(emulator, packing, keys, arrive):
    url, client = emulator
    name = f"{packing}-{keys}-{arrive.__name__}"
    client.create_stream(StreamName=name, ShardCount=2)
    assert eventually(lambda: kinesis_local.is_active(client, name), PATIENCE_SECS)
    traffic, queue, publisher = Traffic(keys), queue_of(name, packing), publisher_to(url)
    with sending(queue, publisher, SETTINGS):
        arrive(queue, traffic.records(COUNTS[arrive]))
        assert queue.wait_settled(traffic.sent, PATIENCE_SECS)
    publisher.close()
    assert traffic.faults(read_shards(client, name)) == NO_FAULTS
