import pytest

from bridge.payloads.sparkplug.rebirth_requests import PER_SECOND, RebirthRequests, rebirth_payload
from bridge.payloads.sparkplug.wire_format import read_payload
from tests.payloads.sparkplug.wire import NOW_MS

TOPIC = "spBv1.0/g/NCMD/n"


def test_command_sets_node_control_rebirth():
    assert read_payload(rebirth_payload(NOW_MS)) == {
        "timestamp": NOW_MS,
        "metrics": [{"name": "Node Control/Rebirth", "timestamp": NOW_MS, "datatype": 11, "value": True}],
    }


def ask(rebirths, node, now_ms):
    """The topics of the commands that a problem of a node brings at once."""
    rebirths.request(node, f"spBv1.0/NCMD/{node}", now_ms)
    return [command.topic for command in rebirths.due(now_ms)]


def test_request_is_a_command_to_the_node():
    rebirths = RebirthRequests()
    rebirths.request("g/n", TOPIC, NOW_MS)
    assert rebirths.due(NOW_MS) == ((TOPIC, rebirth_payload(NOW_MS)),)


def test_node_is_requested_once_a_minute():
    rebirths = RebirthRequests()
    asked = [bool(ask(rebirths, "g/n", NOW_MS + secs * 1000)) for secs in (0, 1, 59, 60, 61, 119, 120)]
    assert asked == [True, False, False, True, False, False, True]


def test_rebirth_limit_of_a_node_does_not_affect_another_node():
    rebirths = RebirthRequests()
    assert ask(rebirths, "g/n", NOW_MS)
    assert ask(rebirths, "g/m", NOW_MS)


@pytest.mark.parametrize("step_ms", [3_600_000, -3_600_000], ids=["forward", "back"])
def test_clock_that_was_set_permits_one_request(step_ms):
    rebirths = RebirthRequests()
    asked = [bool(ask(rebirths, "g/n", NOW_MS + ms)) for ms in (0, step_ms, step_ms + 59_000, step_ms + 60_000)]
    assert asked == [True, True, False, True]


def test_turned_off_it_never_requests():
    assert ask(RebirthRequests(allowed=False), "g/n", NOW_MS) == []


def test_rebirth_requests_remember_at_most_max_nodes():
    rebirths = RebirthRequests(max_nodes=2)
    asked = [bool(ask(rebirths, node, NOW_MS)) for node in ("g/1", "g/2", "g/3")]
    assert asked == [True, True, False]
    assert ask(rebirths, "g/3", NOW_MS + 60_000)


def test_due_for_many_nodes_is_ten_a_second():
    rebirths = RebirthRequests()
    for node in range(300):
        rebirths.request(f"g/{node}", f"spBv1.0/g/NCMD/{node}", NOW_MS)
    sent = [[command.topic for command in rebirths.due(NOW_MS + at_ms)] for at_ms in range(0, 40_000, 100)]
    assert all(sum(map(len, sent[first : first + 10])) <= PER_SECOND for first in range(len(sent)))
    assert [topic for topics in sent for topic in topics] == [f"spBv1.0/g/NCMD/{node}" for node in range(300)]


def test_due_for_a_node_that_was_born_meanwhile_is_nothing():
    rebirths = RebirthRequests()
    rebirths.request("g/n", TOPIC, NOW_MS)
    rebirths.born("g/n")
    assert rebirths.due(NOW_MS) == ()


def test_sent_is_true_of_the_last_request_only():
    rebirths = RebirthRequests()
    rebirths.request("g/n", TOPIC, NOW_MS)
    ((_, payload),) = rebirths.due(NOW_MS)
    assert rebirths.sent("g/n", payload)
    assert not rebirths.sent("g/n", rebirth_payload(NOW_MS + 1))
    assert not rebirths.sent("g/m", payload)
