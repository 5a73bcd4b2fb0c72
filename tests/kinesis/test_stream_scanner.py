"""Scanner of a stream with the limits of GetRecords, in simulated time."""

import base64
from itertools import pairwise

import orjson
import pytest

from bridge.errors import OutcomeUnknown, Refused, Unavailable
from bridge.kinesis.stream_scanner import BYTES_PER_SEC, GIVE_UP_SECS, StreamScanner
from tests.fakes.kinesis import KinesisStandIn
from tests.fakes.kinesis_streams import KinesisError, Stored

OPERATIONS = {"list_shards": "ListShards", "get_shard_iterator": "GetShardIterator", "get_records": "GetRecords"}


class Rig:
    """Scanner of a stream. The simulated time passes only while the scanner waits. `on_wait` runs then."""

    def __init__(self, shards=1):
        self.now = 0.0
        self.server = KinesisStandIn(limited=True)
        self.stream = self.server.create("archive", shards, clock=lambda: self.now)
        self.on_wait = lambda: None
        self.faults = []
        self.positions = {}
        self.calls = []

    def put(self, count, size=10, shard=0):
        kept = self.stream.shards[shard].stored
        kept += [Stored(f"shard-{shard}", f"{len(kept) + n:056d}", "k", bytes(size)) for n in range(1, count + 1)]

    def call(self, operation, **parameters):
        self.calls.append((self.now, operation, parameters.get("ShardIterator", "")))
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        try:
            request = parameters if "NextToken" in parameters else {"StreamName": "archive", **parameters}
            response = orjson.loads(self.server.answer(OPERATIONS[operation], request))
        except KinesisError as error:
            raise Unavailable(error.code, error.message) from None
        for record in response.get("Records", ()):
            record["Data"] = base64.b64decode(record["Data"])
        return response

    def wait(self, secs):
        self.now += secs
        self.on_wait()

    def read(self):
        """Return the number of records of each shard."""
        self.reader = StreamScanner(self.call, lambda: self.now, self.wait, self.positions)
        found = {}
        for page in self.reader.pages():
            found[page.shard.id[-1]] = found.get(page.shard.id[-1], 0) + len(page.records)
            self.positions[page.shard.id] = page.position
        return found


@pytest.fixture
def rig():
    made = []

    def make(shards=1):
        made.append(Rig(shards))
        return made[-1]

    yield make
    for each in made:
        with each.server:
            pass


def test_reader_alone_stays_within_the_limits_of_every_shard(rig):
    stream = rig(3)
    for shard in range(3):
        stream.put(400, size=100_000, shard=shard)
    assert stream.read() == {"0": 400, "1": 400, "2": 400}
    assert stream.reader.throttled == 0
    # The waiting times of the shards overlap, so reading the stream takes as long as reading one shard.
    assert 400 * 100_000 / BYTES_PER_SEC <= stream.now <= 1.3 * 400 * 100_000 / BYTES_PER_SEC


def test_reader_of_small_records_makes_half_of_the_calls_that_are_allowed(rig):
    stream = rig()
    stream.put(100_000)
    assert stream.read() == {"0": 100_000}
    at = [when for when, operation, _ in stream.calls if operation == "get_records"]
    assert all(later - earlier >= 0.39 for earlier, later in pairwise(at))


def test_reader_beside_another_consumer_is_throttled_and_reads_everything(rig):
    stream = rig()
    stream.put(50_000)

    def consume():
        while stream.stream.shards[0].allows_read(0):
            pass

    stream.on_wait = lambda: consume() if int(stream.now) % 3 else None
    assert stream.read() == {"0": 50_000}
    assert stream.reader.throttled > 0


def test_shards_are_listed_page_by_page_and_closed_ones_are_read(rig):
    stream = rig(8)
    for shard in range(8):
        stream.put(shard + 1, shard=shard)
    stream.stream.shards[0].open = stream.stream.shards[7].open = False
    assert stream.read() == {str(shard): shard + 1 for shard in range(8)}


def test_iterator_that_expired_is_renewed_where_it_was(rig):
    stream = rig()
    stream.put(25_000)
    expired = Unavailable("ExpiredIteratorException", "")
    stream.faults = [None, None, None, expired, None, None, expired]
    assert stream.read() == {"0": 25_000}


def test_stream_that_is_written_all_the_time_has_an_end(rig):
    stream = rig()
    stream.put(10)
    stream.on_wait = lambda: stream.put(10)
    assert 10 <= stream.read()["0"] <= 100


def test_reading_continues_after_the_positions(rig):
    stream = rig(2)
    stream.put(30)
    assert stream.read() == {"0": 30}
    stream.put(12)
    stream.put(5, shard=1)
    assert stream.read() == {"0": 12, "1": 5}


def test_calls_that_are_not_answered_are_repeated(rig):
    stream = rig()
    stream.put(10)
    stream.faults = [Unavailable("Network", "reset")] * 5 + [None, Unavailable("InternalFailure", "")]
    assert stream.read() == {"0": 10}
    assert stream.reader.throttled == 0


def test_reader_without_any_response_gives_up(rig):
    stream = rig()
    stream.faults = [None, *[Unavailable("Network", "reset")] * 1000]
    with pytest.raises(Unavailable, match="Network"):
        stream.read()
    assert stream.now >= GIVE_UP_SECS


@pytest.mark.parametrize("place", [0, 1, 2])
def test_refusal_ends_the_reading_at_once(rig, place):
    stream = rig()
    stream.faults = [None] * place + [Refused("AccessDeniedException", "no", "allow it")]
    with pytest.raises(Refused):
        stream.read()
    assert stream.now == 0


def test_endless_empty_pages_end_with_an_error(rig):
    stream = rig()
    answer, stream_call = {"Records": [], "NextShardIterator": "again", "MillisBehindLatest": 5}, stream.call
    stream.call = lambda operation, **more: answer if operation == "get_records" else stream_call(operation, **more)
    with pytest.raises(OutcomeUnknown) as error:
        stream.read()
    assert "empty pages" in error.value.detail


def test_endless_pages_of_shards_end_with_an_error(rig):
    stream = rig()
    stream.call = lambda *_, **__: {"Shards": [], "NextToken": "again"}
    with pytest.raises(OutcomeUnknown) as error:
        stream.read()
    assert "pages of shards" in error.value.detail
