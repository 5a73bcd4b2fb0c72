import pytest

from tests.payloads.sparkplug.host import LOAD, REBIRTH, RUN, Host
from tests.payloads.sparkplug.wire import NOW_MS, integer, message, payload


@pytest.fixture
def host():
    return Host()


def test_sequence_continues_over_nodes_and_devices_and_past_255(host):
    host.birth()
    for _ in range(300):
        assert host.tell("g/NDATA/n", LOAD)["problems"] == []
        assert host.tell("g/DDATA/n/d", RUN)["problems"] == []


def test_birth_may_begin_at_any_sequence_number(host):
    host.birth(seq=200)
    assert host.tell("g/NDATA/n", LOAD)["problems"] == []


@pytest.mark.parametrize("missing", [1, 50, 200])
def test_gap_requests_a_rebirth_and_the_data_continues(host, missing):
    host.birth()
    seen = host.tell("g/NDATA/n", LOAD, seq=(host.seq + missing) % 256)
    assert seen["problems"] == ["gap"]
    assert seen["metrics"]["Load"]["value"] == 0.75
    assert host.asks == REBIRTH
    assert host.tell("g/NDATA/n", LOAD)["problems"] == []


@pytest.mark.parametrize("at", [NOW_MS, 0], ids=["in the same millisecond", "without a time"])
def test_gap_shows_in_the_sequence_alone(host, at):
    host.now_ms = NOW_MS - 1
    host.birth(devices=())
    assert host.tell("g/NDATA/n", LOAD, seq=9, at=at)["problems"] == ["gap"]


def test_number_that_goes_back_without_times_is_a_gap(host):
    host.birth(devices=(), seq=50)
    assert host.tell("g/NDATA/n", LOAD, seq=40, at=0)["problems"] == ["gap"]


def test_message_twice_is_a_duplicate(host):
    host.birth()
    host.tell("g/NDATA/n", LOAD, seq=2, at=5)
    assert host.tell("g/NDATA/n", LOAD, seq=2, at=5)["problems"] == ["duplicate"]
    assert host.asks == []
    assert host.tell("g/NDATA/n", LOAD, seq=3)["problems"] == []


def test_message_out_of_order_is_late(host):
    host.birth()
    early = host.now_ms
    assert host.tell("g/NDATA/n", LOAD, seq=3)["problems"] == ["gap"]
    assert host.tell("g/NDATA/n", LOAD, seq=2, at=early)["problems"] == ["late"]
    assert host.asks == []
    assert host.tell("g/NDATA/n", LOAD, seq=4)["problems"] == []


def test_sequence_number_left_out_stands_for_0(host):
    host.birth(seq=254)
    assert host.seq == 0
    data = payload(LOAD, at=host.now_ms)
    seen, commands = host.session.decode(message("g/NDATA/n", data), host.memory)
    assert (seen["seq"], seen["problems"], commands) == (None, [], ())
    assert host.tell("g/NDATA/n", LOAD, seq=1)["problems"] == []


@pytest.mark.parametrize("seq", [b"", integer(3, 256), integer(3, 2**64 - 1)])
def test_invalid_sequence_number_is_a_problem_but_requests_nothing(host, seq):
    host.birth()
    seen, commands = host.session.decode(message("g/NDATA/n", payload(LOAD) + seq), host.memory)
    assert (seen["problems"], commands) == (["invalid_seq"], ())
