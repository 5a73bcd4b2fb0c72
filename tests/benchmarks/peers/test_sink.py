import base64
import time

import orjson
import pytest

from bridge.kinesis.packing.kpl_aggregation import MAGIC
from tests.benchmarks.load import SHARDS, STREAM
from tests.benchmarks.peers.sink import CountingStream, number_of, sink_process
from tests.fakes.kinesis_faults import RecordFault, Script
from tests.harness.certificates import Authority


def test_message_is_known_by_its_number_with_or_without_an_envelope():
    assert number_of(b'{"machine":"press01","count":7}') == 7
    assert number_of(b'{"fields":{"count":8,"vib":0.1},"name":"telemetry","tags":{}}') == 8
    with pytest.raises(KeyError):
        number_of(b'{"fields":{}}')


def test_stream_reports_what_is_missing_and_what_came_twice():
    stream = CountingStream(STREAM, SHARDS)
    stream.put([entry(number) for number in (0, 1, 2, 4)], Script())
    stream.put([entry(number) for number in (1, 5, 1)], Script())
    counters = stream.counters()
    assert (counters["records"], counters["distinct"], counters["duplicates"]) == (7, 5, 2)
    assert 6 - counters["distinct"] == 1, "number 3 never came"


def test_record_that_fails_has_not_come():
    stream, script = CountingStream(STREAM, SHARDS), Script()
    script.add(RecordFault(STREAM, records=1))
    stream.put([entry(number) for number in range(3)], script)
    assert (stream.counters()["records"], stream.counters()["distinct"]) == (2, 2)


def test_messages_of_a_packed_record_are_counted_each_by_itself(kpl):
    stream = CountingStream(STREAM, SHARDS)
    stream.put([{"PartitionKey": "a", "Data": base64.b64encode(kpl).decode()}], Script())
    counters = stream.counters()
    assert kpl.startswith(MAGIC)
    assert (counters["records"], counters["units"], counters["distinct"], counters["duplicates"]) == (1, 1, 3, 1)


def test_sink_counts_over_http_and_is_away_for_the_requested_time():
    with sink_process() as sink:
        assert (sink.counters()["records"], sink.counters()["distinct"]) == (0, 0)
        sink.leave(0.5)
        assert refused_within(sink, 5)
        assert answers_within(sink, 20)


def test_sink_speaks_tls_for_a_peer_that_needs_it(tmp_path):
    with sink_process(Authority(tmp_path)) as sink:
        assert sink.counters()["records"] == 0


@pytest.fixture
def kpl():
    """Return an aggregated record of AWS's library with the numbers 0, 1, 2 and again 1."""
    from aws_kinesis_agg.aggregator import RecordAggregator  # noqa: PLC0415 - a peer, for this test alone

    aggregator = RecordAggregator()
    for number in (0, 1, 2, 1):
        aggregator.add_user_record("press01", orjson.dumps({"count": number}))
    return aggregator.clear_and_get().get_contents()[2]


def entry(number):
    data = orjson.dumps({"machine": "press01", "count": number})
    return {"PartitionKey": "press01", "Data": base64.b64encode(data).decode()}


def answers(sink):
    try:
        sink.counters()
    except OSError:
        return False
    return True


def refused_within(sink, secs):
    return within(secs, lambda: not answers(sink))


def answers_within(sink, secs):
    return within(secs, lambda: answers(sink))


def within(secs, condition):
    deadline = time.monotonic() + secs
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False
