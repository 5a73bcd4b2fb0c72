import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import OutcomeUnknown
from bridge.kinesis import responses
from bridge.kinesis.responses import MAX_PAGES, list_shards, records_response, shard_iterator, stream_description
from bridge.kinesis.shard_map import HASHES, Shard
from bridge.model import DEFAULT_RECORD_BYTES, MAX_RECORD_BYTES

SHARD = {"ShardId": "shardId-0", "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": str(HASHES - 1)}}


def described(**summary):
    return stream_description({"StreamDescriptionSummary": summary})


def test_description_without_a_record_size_has_the_default():
    assert described(StreamStatus="ACTIVE").max_record_bytes == DEFAULT_RECORD_BYTES


def test_record_size_beyond_the_largest_known_is_lowered_to_it():
    assert described(MaxRecordSizeInKiB=10**9).max_record_bytes == MAX_RECORD_BYTES


@pytest.mark.parametrize("kib", [-5, 0, 1, 1023, True, 1024.0, "1024", [], {}])
def test_wrong_record_size_is_not_believed(kib):
    with pytest.raises(OutcomeUnknown):
        described(MaxRecordSizeInKiB=kib)


@pytest.mark.parametrize("response", [None, [], "", 1, {}, {"StreamDescriptionSummary": None}])
def test_stream_description_refuses_other_values(response):
    with pytest.raises(OutcomeUnknown):
        stream_description(response)


def test_shards_of_all_pages_are_listed_with_whether_they_are_open():
    closed = SHARD | {"SequenceNumberRange": {"StartingSequenceNumber": "1", "EndingSequenceNumber": "2"}}
    pages = [{"Shards": [SHARD], "NextToken": "a"}, {"Shards": [closed]}]
    assert list(list_shards(lambda **_: pages.pop(0))) == [
        (Shard("shardId-0", 0, HASHES - 1), True),
        (Shard("shardId-0", 0, HASHES - 1), False),
    ]


@given(st.integers(1, 30), st.integers(1, 30))
def test_shards_are_listed_from_up_to_the_maximum_of_pages(number, limit):
    pages = [{"Shards": [SHARD], "NextToken": "a"}] * (number - 1) + [{"Shards": [SHARD]}]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(responses, "MAX_PAGES", limit)
        if number <= limit:
            assert len(list(list_shards(lambda **_: pages.pop(0)))) == number
        else:
            with pytest.raises(OutcomeUnknown, match=f"more than {limit} pages"):
                list(list_shards(lambda **_: pages.pop(0)))


def test_endless_tokens_end():
    asked = []
    with pytest.raises(OutcomeUnknown):
        list(list_shards(lambda **token: asked.append(token) or {"Shards": [], "NextToken": "a"}))
    assert len(asked) == MAX_PAGES


@pytest.mark.parametrize(
    "change",
    [
        {"ShardId": ["shardId-0"]},
        {"ShardId": "x" * 129},
        {"HashKeyRange": None},
        {"HashKeyRange": {"StartingHashKey": "5", "EndingHashKey": "4"}},
        {"HashKeyRange": {"StartingHashKey": "٣", "EndingHashKey": "4"}},
        {"HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": str(HASHES)}},
        {"SequenceNumberRange": []},
    ],
)
def test_wrong_shard_is_an_error(change):
    with pytest.raises(OutcomeUnknown):
        list(list_shards(lambda **_: {"Shards": [SHARD | change]}))


@pytest.mark.parametrize("response", [{}, None, {"ShardIterator": 1}, {"ShardIterator": ""}])
def test_wrong_iterator_is_an_error(response):
    with pytest.raises(OutcomeUnknown):
        shard_iterator(response)


@pytest.mark.parametrize(
    "record", [None, {}, {"SequenceNumber": "1", "PartitionKey": "k", "Data": "{}"}, {"SequenceNumber": 1}]
)
def test_wrong_record_is_an_error(record):
    with pytest.raises(OutcomeUnknown):
        records_response({"Records": [record], "MillisBehindLatest": 0})
