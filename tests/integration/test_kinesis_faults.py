"""One bridge with six streams.

One is healthy. Each of the others has a different fault at the same time, and recovers.
"""

import time
from types import SimpleNamespace

import pytest

from tests.fakes.kinesis import KinesisStandIn
from tests.harness.bridge_process import BridgeProcess, write_configuration
from tests.harness.mosquitto import Mosquitto
from tests.harness.publisher import Publisher
from tests.integration.arrivals import Arrivals, eventually, stop_and_balance

STREAMS = ("healthy", "throttled", "failing", "hanging", "resetting", "denied")
COUNT = 1_000


def mapping(stream):
    return {
        "topic": f"plant/{stream}/{{machine}}",
        "transform": "{count: payload}",
        "outputs": [{"data_stream": stream, "partition_key_from": "captures.machine"}],
    }


def messages(first, count):
    """Yield `count` messages for each stream, in turn."""
    for number in range(first, first + count):
        for stream in STREAMS:
            yield f"plant/{stream}/press{number % 20}", b"%d" % number


def make_trouble(kinesis):
    kinesis.fail_records("throttled", shard=0)
    kinesis.fault("error", stream="failing", requests=3, code="InternalFailure")
    kinesis.fault("error", stream="failing", requests=1, code="ServiceUnavailable", status=503)
    kinesis.fault("hang", stream="hanging", requests=1)
    kinesis.fault("reset", stream="resetting", requests=3)
    message = "User: bridge is not authorized to perform: kinesis:PutRecords"
    kinesis.fault("error", stream="denied", code="AccessDeniedException", status=400, message=message)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """Run the scenario once. Return the records, the log, and the time until the healthy stream was complete."""
    folder = tmp_path_factory.mktemp("bridge")
    with Mosquitto() as broker, KinesisStandIn(dict.fromkeys(STREAMS, 2)) as kinesis:
        write_configuration(
            folder,
            mqtt={"url": f"mqtt://127.0.0.1:{broker.port}"},
            kinesis={"endpoint_url": kinesis.url},
            mappings={stream: mapping(stream) for stream in STREAMS},
        )
        with BridgeProcess(folder) as bridge, Publisher(broker.port) as publisher:
            yield played(bridge, publisher, kinesis)


def played(bridge, publisher, kinesis):
    arrivals = {stream: Arrivals(kinesis, stream) for stream in STREAMS}
    publisher.publish(messages(0, 100))
    for each in arrivals.values():
        each.wait_for_all(range(100))
    make_trouble(kinesis)
    published_at = time.monotonic()
    publisher.publish(messages(100, COUNT - 100))
    arrivals["healthy"].wait_for_all(range(COUNT))
    healthy_secs = time.monotonic() - published_at
    eventually(lambda: kinesis.operations["PutRecords", "denied"] >= 2, "a denied request")
    in_trouble = {stream: len(each.read()) for stream, each in arrivals.items()}
    eventually(lambda: kinesis.counters()["throttled"]["shards"][0]["throttled"] > 500, "throttled records sent again")
    shards = kinesis.counters()["throttled"]["shards"]
    kinesis.clear()
    kinesis.fault("hang", stream="hanging", requests=0)
    for each in arrivals.values():
        each.wait_for_all(range(COUNT), timeout_secs=60)
    eventually(lambda: "stream denied: accepts records again" in bridge.stderr(), "the recovery is logged")
    ledger = stop_and_balance(bridge)
    return SimpleNamespace(
        arrivals=arrivals,
        in_trouble=in_trouble,
        healthy_secs=healthy_secs,
        throttled_shards=shards,
        ledger=ledger,
        log=bridge.log(),
        kinesis=kinesis,
    )
