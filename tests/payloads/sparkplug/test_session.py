import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.sparkplug.session import OWN_COMMAND, SparkplugSession
from bridge.spool.mapping_state import MappingState
from tests.payloads.sparkplug.host import LOAD, REBIRTH, RUN, Host, number
from tests.payloads.sparkplug.wire import DOUBLE, INT32, INT64, integer, message, metric, payload


@pytest.fixture
def host():
    return Host()


def stale(seen):
    return [(each["device"], each["name"], each["type"]) for each in seen["stale"]]


def test_data_after_the_births_is_read_by_them(host):
    host.birth()
    assert host.tell("g/NDATA/n", LOAD)["metrics"]["Load"]["value"] == 0.75
    assert host.tell("g/DDATA/n/d", RUN)["metrics"]["Run"]["value"] is True
    assert host.asks == []


def test_birth_shows_what_it_declares(host):
    seen = host.birth(bd_seq=4)
    assert (seen["type"], seen["bd_seq"], seen["online"], seen["problems"]) == ("NBIRTH", 4, True, [])
    assert seen["metrics"]["Load"]["type"] == "Double"


@pytest.mark.parametrize("path", ["g/NDATA/n", "g/DDATA/n/d", "g/DDEATH/n/d", "g/DBIRTH/n/d"])
def test_rebirth_is_requested_before_the_birth_of_the_node(host, path):
    seen = host.tell(path, metric("x", 1, datatype=INT64))
    assert seen["problems"] == ["no_birth"]
    assert seen["metrics"]["x"]["value"] == 1
    assert host.asks == REBIRTH


def test_rebirth_is_requested_before_the_birth_of_the_device(host):
    host.birth(devices=())
    seen = host.tell("g/DDATA/n/d", metric("x", 1, datatype=INT64))
    assert (seen["problems"], seen["online"], host.asks) == (["no_birth"], False, REBIRTH)


def test_unknown_alias_requests_a_rebirth_and_the_rest_continues(host):
    host.birth()
    seen = host.tell("g/NDATA/n", LOAD, metric(alias=99, value=1))
    assert (seen["problems"], host.asks) == (["unknown_alias"], REBIRTH)
    assert list(seen["metrics"]) == ["Load"]
    assert [each["alias"] for each in seen["unknown_aliases"]] == [99]


def test_alias_of_the_device_is_not_one_of_the_node(host):
    host.birth()
    assert host.tell("g/NDATA/n", RUN)["problems"] == ["unknown_alias"]


def test_node_is_requested_once_a_minute_and_other_nodes_by_themselves(host):
    asked = [bool(host.tell("g/NDATA/n", wait_ms=20_000) and host.commands) for _ in range(7)]
    assert asked == [True, False, False, True, False, False, True]
    host.tell("g/NDATA/other")
    assert host.asks == ["spBv1.0/g/NCMD/other"]


def test_rebirths_can_be_turned_off():
    host = Host(rebirth=False)
    assert host.tell("g/NDATA/n", LOAD)["problems"] == ["unknown_alias", "no_birth"]
    assert host.commands == ()


def test_second_birth_changes_the_aliases(host):
    host.birth()
    host.tell("g/NBIRTH/n", metric("Other", 0.5, alias=1, datatype=DOUBLE), seq=0)
    assert list(host.tell("g/NDATA/n", LOAD)["metrics"]) == ["Other"]


def test_birth_does_not_lean_on_the_one_before(host):
    host.birth()
    seen = host.tell("g/NBIRTH/n", metric(alias=1, value=0.5, datatype=DOUBLE), seq=0)
    assert (seen["problems"], seen["metrics"], host.asks) == (["unknown_alias"], {}, [])


def test_second_birth_forgets_the_devices(host):
    host.birth(devices=("d", "e"))
    host.tell("g/NBIRTH/n", number(1), seq=0)
    assert {key for key, _ in host.memory.items()} == {"node g/n", "metrics g/n", "seq g/n"}


def test_devices_must_be_born_again_after_a_second_birth_of_the_node(host):
    host.birth()
    host.tell("g/NBIRTH/n", number(1), seq=0)
    assert host.tell("g/DDATA/n/d", RUN)["problems"] == ["unknown_alias", "no_birth"]


def test_death_of_a_device_makes_its_metrics_stale(host):
    host.birth(devices=("d", "e"))
    seen = host.tell("g/DDEATH/n/d")
    assert stale(seen) == [("d", "Run", "Boolean")]
    assert (seen["online"], seen["problems"]) == (False, [])
    assert host.tell("g/DDATA/n/e", RUN)["problems"] == []
    assert host.tell("g/DDATA/n/d", RUN)["problems"] == ["unknown_alias", "no_birth"]


def test_death_of_a_node_makes_all_stale_that_is_online(host):
    host.birth(bd_seq=7, devices=("d", "e"))
    host.tell("g/DDEATH/n/e")
    seen = host.tell("g/NDEATH/n", number(7))
    assert stale(seen) == [(None, "Load", "Double"), ("d", "Run", "Boolean")]
    assert (seen["online"], seen["bd_seq"], seen["problems"], host.asks) == (False, 7, [], [])


def test_dead_node_s_data_requests_a_rebirth_and_its_birth_fixes_it(host):
    host.birth()
    host.tell("g/NDEATH/n", number(0))
    seen = host.tell("g/NDATA/n", LOAD)
    assert (seen["online"], seen["problems"], host.asks) == (False, ["unknown_alias", "no_birth"], REBIRTH)
    host.birth(bd_seq=1)
    assert host.tell("g/DDATA/n/d", RUN)["problems"] == []


def test_will_of_an_older_session_changes_nothing(host):
    host.birth(bd_seq=8)
    seen = host.tell("g/NDEATH/n", number(7))
    assert (seen["online"], seen["problems"], seen["stale"]) == (True, ["old_death"], [])
    assert host.tell("g/NDATA/n", LOAD)["problems"] == []


def test_death_of_a_session_whose_birth_was_missed_is_no_old_one(host):
    host.birth(bd_seq=8)
    host.tell("g/NDEATH/n", number(8))
    assert host.tell("g/NDEATH/n", number(9))["problems"] == []


def test_death_that_does_not_name_its_session_counts(host):
    host.birth(bd_seq=8)
    assert host.tell("g/NDEATH/n")["online"] is False


def test_death_of_an_unknown_node_has_nothing_stale(host):
    seen = host.tell("g/NDEATH/n", number(1))
    assert (seen["stale"], seen["problems"], host.asks) == ([], [], [])


def test_commands_are_seen_and_change_nothing(host):
    host.birth()
    seen, commands = host.session.decode(message("g/NCMD/n", payload(metric(alias=1, value=1.0))), host.memory)
    assert (seen["type"], seen["metrics"]["Load"]["value"], commands) == ("NCMD", 1.0, ())
    assert host.tell("g/NDATA/n", LOAD)["problems"] == []


def test_hosts_are_seen(host):
    state, commands = host.session.decode(message("STATE/scada", b'{"online": false, "timestamp": 5}'), host.memory)
    assert (state["host"], state["online"], commands) == ("scada", False, ())


def test_restart_continues_where_it_was(host):
    host.birth(bd_seq=3)
    host.tell("g/NDATA/n", LOAD)
    again = host.restart()
    assert again.tell("g/DDATA/n/d", RUN)["metrics"]["Run"]["value"] is True
    assert again.tell("g/NDATA/n", LOAD)["problems"] == []
    assert again.restart().tell("g/NDATA/n", LOAD, seq=99)["problems"] == ["gap"]
    assert len(again.restart().tell("g/NDEATH/n", number(3))["stale"]) == 2


def test_message_missed_over_a_restart_is_a_gap(host):
    host.birth()
    again = host.restart()
    assert again.tell("g/NDATA/n", LOAD, seq=50)["problems"] == ["gap"]


def test_nodes_of_the_same_name_in_other_groups_are_others(host):
    host.birth()
    assert "no_birth" in host.tell("h/NDATA/n", LOAD)["problems"]


def test_data_writes_one_small_row(host):
    host.birth()
    host.memory.clear_changed()
    before = dict(host.memory.items())
    host.tell("g/NDATA/n", LOAD)
    changed = {key: row for key, row in host.memory.items() if before.get(key) != row}
    assert list(changed) == ["seq g/n"]
    assert len(changed["seq g/n"]) < 30


def test_rejected_message_does_not_change_the_state(host):
    host.birth()
    before = dict(host.memory.items())
    broken = payload(metric("a", b"\x82\x01\x03abc", datatype=24), seq=9)
    for path, data in (("g/NDATA/n", b"\xff"), ("g/NBIRTH/n", broken), ("g/NDATA/n/x", b"")):
        with pytest.raises(DecodeError):
            host.session.decode(message(path, data), host.memory)
    assert dict(host.memory.items()) == before


KINDS = ("NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH", "NCMD", "DCMD")
METRICS = st.builds(
    metric,
    st.none() | st.sampled_from(["bdSeq", "a", "b"]),
    st.integers(0, 2**64 - 1)
    | st.floats()
    | st.binary(max_size=8).map(lambda data: bytes([0x82, 1, len(data)]) + data),
    alias=st.none() | st.integers(0, 3),
    datatype=st.none() | st.integers(0, 40),
)
MESSAGES = st.tuples(
    st.sampled_from(KINDS),
    st.builds(payload, METRICS, METRICS, seq=st.none() | st.integers(0, 260), at=st.none() | st.integers(0, 5))
    | st.binary(max_size=30),
)


@settings(max_examples=200)
@given(st.lists(MESSAGES, max_size=20))
def test_session_gives_the_same_result_over_a_restart(messages):
    host, memory = SparkplugSession(), MappingState("m", {})
    for kind, data in messages:
        sent = message(f"g/{kind}/n" + ("/d" if kind[0] == "D" else ""), data)
        restarted = MappingState("m", dict(memory.items()))
        seen = after_restart = None
        with contextlib.suppress(DecodeError):
            seen = host.decode(sent, memory)[0]
        with contextlib.suppress(DecodeError):
            after_restart = SparkplugSession().decode(sent, restarted)[0]
        assert seen == after_restart
        assert dict(memory.items()) == dict(restarted.items())


def test_rebirth_request_of_the_bridge_is_no_message_of_a_node(host):
    host.tell("g/NDATA/n", LOAD)
    (command,) = host.commands
    sent_back = message("g/NCMD/n", command.payload)
    assert host.session.decode(sent_back, host.memory) == (OWN_COMMAND, ())
    seen, _ = host.session.decode(message("g/NCMD/other", command.payload), host.memory)
    assert seen["type"] == "NCMD"


def test_requests_that_wait_are_sent_with_the_messages_of_other_nodes(host):
    for node in range(12):
        host.session.decode(message(f"g/NDATA/{node}", payload(LOAD, seq=0)), host.memory)
    host.now_ms += 1000
    host.tell("g/NBIRTH/n", number(0), seq=0)
    assert host.asks == ["spBv1.0/g/NCMD/10", "spBv1.0/g/NCMD/11"]


def test_second_death_of_a_node_is_no_problem(host):
    host.birth()
    for _ in range(2):
        assert host.tell("g/NDEATH/n", metric("bdSeq", 0))["problems"] == []


def test_data_of_a_metric_whose_birth_has_no_datatype_is_untyped():
    host = Host()
    assert host.tell("g/NBIRTH/n", number(0), metric("speed", integer(10, -6), alias=1))["problems"] == ["unknown_type"]
    seen = host.tell("g/NDATA/n", metric(alias=1, value=integer(10, -6)))
    assert (seen["problems"], host.asks) == (["untyped"], [])
    typed = host.tell("g/NDATA/n", metric(alias=1, value=integer(10, -6), datatype=INT32))
    assert (typed["problems"], typed["metrics"]["speed"]["value"]) == ([], -6)
