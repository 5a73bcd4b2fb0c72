from bridge.payloads.sparkplug.protobuf import read_payload
from bridge.payloads.sparkplug.rebirth import RebirthRequests, rebirth_payload
from tests.payloads.sparkplug.wire import NOW_MS

TOPIC = "spBv1.0/g/NCMD/n"


def test_the_command_sets_node_control_rebirth():
    assert read_payload(rebirth_payload(NOW_MS)) == {
        "timestamp": NOW_MS,
        "metrics": [{"name": "Node Control/Rebirth", "timestamp": NOW_MS, "datatype": 11, "value": True}],
    }


def test_a_request_is_a_command_to_the_node():
    (command,) = RebirthRequests().ask("g/n", TOPIC, NOW_MS)
    assert command == (TOPIC, rebirth_payload(NOW_MS))


def test_a_node_is_asked_once_a_minute():
    rebirths = RebirthRequests()
    asked = [bool(rebirths.ask("g/n", TOPIC, NOW_MS + secs * 1000)) for secs in (0, 1, 59, 60, 61, 119, 120)]
    assert asked == [True, False, False, True, False, False, True]


def test_each_node_has_a_minute_of_its_own():
    rebirths = RebirthRequests()
    assert rebirths.ask("g/n", TOPIC, NOW_MS)
    assert rebirths.ask("g/m", TOPIC, NOW_MS)


def test_a_clock_set_back_does_not_keep_a_node_from_being_asked():
    rebirths = RebirthRequests()
    rebirths.ask("g/n", TOPIC, NOW_MS)
    assert rebirths.ask("g/n", TOPIC, NOW_MS - 3_600_000)


def test_turned_off_it_never_asks():
    assert RebirthRequests(allowed=False).ask("g/n", TOPIC, NOW_MS) == ()


def test_no_more_nodes_are_remembered_than_is_allowed():
    rebirths = RebirthRequests(max_nodes=2)
    asked = [bool(rebirths.ask(node, TOPIC, NOW_MS)) for node in ("g/1", "g/2", "g/3")]
    assert asked == [True, True, False]
    assert rebirths.ask("g/3", TOPIC, NOW_MS + 60_000)
