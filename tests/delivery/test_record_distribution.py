import logging

import pytest

from bridge.delivery.record_distribution import RecordDistribution
from bridge.kinesis.publisher import StreamDescription
from bridge.model import Destination

AUTO, USER, UNSAID = (StreamDescription(distribution=each) for each in ("AUTO", "USER_PARTITION_KEY", ""))
DENIED = StreamDescription(described=False)
KEYS = [f"machine-{n}" for n in range(20)]


@pytest.fixture
def distribution():
    return RecordDistribution(Destination("telemetry", packing="kpl"))


@pytest.fixture
def denied(distribution):
    distribution.on_described(DENIED, 0.0)
    return distribution


@pytest.mark.parametrize(
    ("answer", "state"),
    [(AUTO, "by_service"), (USER, "by_key"), (UNSAID, "by_key"), (DENIED, "unknown"), (None, "unknown")],
)
def test_answer_decides_the_state(distribution, answer, state):
    assert (distribution.state, distribution.described) == ("unknown", False)
    distribution.on_described(answer, 0.0)
    assert (distribution.state, distribution.described) == (state, True)


@pytest.mark.parametrize("before", [AUTO, USER])
@pytest.mark.parametrize("answer", [DENIED, None])
def test_state_without_an_answer_remains(distribution, before, answer):
    distribution.on_described(before, 0.0)
    state = distribution.state
    distribution.on_described(answer, 300.0)
    assert distribution.state == state != "unknown"


def test_record_distribution_follows_each_description(distribution):
    for answer, state in [(AUTO, "by_service"), (USER, "by_key"), (AUTO, "by_service"), (UNSAID, "by_key")]:
        distribution.on_described(answer, 0.0)
        assert distribution.state == state


def test_keys_confirmed_twenty_times_are_proof(denied):
    assert denied.needs_proof
    denied.on_confirmed(KEYS[:19])
    denied.on_confirmed(KEYS[:19])
    assert denied.state == "unknown"
    denied.on_confirmed(KEYS[19:])
    assert denied.state == "by_key"
    assert not denied.needs_proof


def test_new_shard_makes_the_proof_begin_again(denied):
    denied.on_confirmed(KEYS[:19])
    denied.on_shards(3, complete=False, changed=True)
    denied.on_confirmed(KEYS[19:])
    assert denied.state == "unknown"


@pytest.mark.parametrize("answer", [None, "none yet"])
def test_keys_are_no_proof_while_an_answer_may_come(distribution, answer):
    if answer is None:
        distribution.on_described(None, 0.0)
    distribution.on_confirmed(KEYS)
    distribution.on_shards(1, complete=True, changed=False)
    assert distribution.state == "unknown"


def test_single_listed_shard_is_proof_until_another_is_seen(denied):
    denied.on_shards(1, complete=True, changed=True)
    assert denied.state == "by_key"
    denied.on_shards(2, complete=False, changed=True)
    assert denied.state == "unknown"
    assert denied.needs_proof


@pytest.mark.parametrize(("count", "complete"), [(1, False), (2, True)])
def test_shard_that_may_not_be_the_only_one_is_no_proof(denied, count, complete):
    denied.on_shards(count, complete=complete, changed=False)
    assert denied.state == "unknown"


def test_answer_stands_when_a_single_shard_is_split(denied):
    denied.on_shards(1, complete=True, changed=True)
    denied.on_described(USER, 1.0)
    denied.on_shards(2, complete=True, changed=True)
    assert denied.state == "by_key"


@pytest.mark.parametrize("answer", [USER, DENIED, None])
def test_contradiction_outweighs_every_state(distribution, answer):
    distribution.on_described(answer, 0.0)
    distribution.on_contradicted(1.0)
    assert distribution.state == "by_service"


@pytest.mark.parametrize(
    ("answer", "at", "state"),
    [
        (USER, 5.0, "by_service"),  # this response may have been written before the contradiction
        (USER, 11.0, "by_service"),
        (USER, 11.1, "by_key"),
        (UNSAID, 500.0, "by_service"),  # an old botocore omits the strategy
        (DENIED, 500.0, "by_service"),
        (AUTO, 500.0, "by_service"),
    ],
)
def test_contradiction_is_outweighed_only_by_a_later_explicit_answer(distribution, answer, at, state):
    distribution.on_contradicted(1.0)
    distribution.on_described(answer, at)
    assert distribution.state == state


def test_stream_that_places_records_itself_is_logged_once(distribution, caplog):
    distribution.on_described(AUTO, 0.0)
    distribution.on_described(AUTO, 300.0)
    (message,) = caplog.messages
    assert message.startswith("stream telemetry packing=kpl places records itself (record distribution strategy AUTO)")
    assert "packing: kpl is not applied" in message


def test_packing_is_not_mentioned_where_it_is_not_kpl(caplog):
    RecordDistribution(Destination("telemetry")).on_contradicted(0.0)
    assert "AUTO" in caplog.text
    assert "kpl" not in caplog.text


def test_way_back_is_logged_but_not_the_usual_start(distribution, caplog):
    caplog.set_level(logging.INFO)
    distribution.on_described(USER, 0.0)
    assert not caplog.messages
    distribution.on_described(AUTO, 0.0)
    distribution.on_described(USER, 0.0)
    assert caplog.messages[-1] == "stream telemetry packing=kpl: partition keys determine the shard"


def test_missing_permission_is_logged_once(distribution, caplog):
    caplog.set_level(logging.INFO)
    distribution.on_described(DENIED, 0.0)
    distribution.on_described(DENIED, 300.0)
    (message,) = caplog.messages
    assert "DescribeStreamSummary is not permitted" in message
