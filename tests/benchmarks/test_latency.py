import base64

import orjson
import pytest

from tests.benchmarks.latency import TimedStream, summary
from tests.fakes.kinesis_faults import Script


def test_percentiles_are_those_of_the_sample():
    latency = summary([float(number) for number in range(1, 1_002)], 1_000)
    assert (latency.p50_ms, latency.p99_ms, latency.max_ms) == (501.0, 991.0, 1_001.0)
    assert latency.messages == 1_001


def test_latency_of_a_record_is_counted_from_its_stamp():
    stream = TimedStream("factory-telemetry", 1)
    data = base64.b64encode(orjson.dumps({"ts": 1_700_000_000_000_000_000})).decode()
    stream.put([{"PartitionKey": "press001", "Data": data}] * 2, Script())
    assert [stamp for stamp, _ in stream.times] == [1_700_000_000_000_000_000] * 2
    assert all(accepted > stamp for stamp, accepted in stream.times)


def test_record_without_a_stamp_is_an_error():
    data = base64.b64encode(b"{}").decode()
    with pytest.raises(KeyError):
        TimedStream("factory-telemetry", 1).put([{"PartitionKey": "press001", "Data": data}], Script())
