import json
import re
from pathlib import Path

import pytest

from bridge.errors import DecodeError
from bridge.payloads.sparkplug import session
from bridge.payloads.sparkplug.expression_view import bd_seq_of, host_state, stale, view_of
from bridge.payloads.sparkplug.metric_table import NOTHING_DECLARED, table_of_rows
from bridge.payloads.sparkplug.topic import parse_topic
from bridge.payloads.sparkplug.wire_format import read_payload
from tests.payloads.sparkplug.wire import DOUBLE, INT32, NOW_MS, integer, metric, part, payload, property_set

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "sparkplug.md"
DECLARED = table_of_rows([["Temperature", 1, DOUBLE], ["Count", 2, INT32]])


def view(data, table=DECLARED, topic="spBv1.0/g/DDATA/n/d"):
    return view_of(parse_topic(topic), read_payload(data), table, lambda: table)


def test_topic_and_the_payload_s_own_fields():
    seen = view(payload(seq=7, more=part(4, "an id") + part(5, b"\x01\xff")))
    assert seen == {
        "type": "DDATA",
        "group": "g",
        "node": "n",
        "device": "d",
        "timestamp": NOW_MS,
        "seq": 7,
        "online": True,
        "metrics": {},
        "readings": [],
        "stale": [],
        "unknown_aliases": [],
        "problems": [],
        "uuid": "an id",
        "body": [1, 255],
    }


def test_fields_that_were_not_sent_are_null():
    seen = view(b"")
    assert (seen["timestamp"], seen["seq"]) == (None, None)


def test_alias_becomes_the_name_and_type_of_the_birth():
    seen = view(payload(metric(alias=1, value=1.5), metric(alias=2, value=integer(10, -1))))
    assert {name: (each["value"], each["type"]) for name, each in seen["metrics"].items()} == {
        "Temperature": (1.5, "Double"),
        "Count": (-1, "Int32"),
    }


def test_reading_reports_its_source():
    (reading,) = view(payload(metric(alias=1, value=1.5)))["readings"]
    assert reading == {
        "name": "Temperature",
        "value": 1.5,
        "type": "Double",
        "timestamp": NOW_MS,
        "quality": 192,
        "is_null": False,
        "historical": False,
        "group": "g",
        "node": "n",
        "device": "d",
    }


def test_name_has_the_type_of_the_birth():
    assert view(payload(metric("Count", integer(10, -1))))["metrics"]["Count"]["value"] == -1


def test_datatype_in_the_message_goes_before_the_birth_s():
    assert view(payload(metric(alias=2, datatype=4, value=integer(11, -1))))["metrics"]["Count"]["type"] == "Int64"


def test_readings_of_a_repeated_metric_are_all_in_readings():
    seen = view(payload(metric(alias=2, value=integer(10, 1), at=1), metric(alias=2, value=integer(10, 2), at=2)))
    assert [(each["name"], each["value"], each["timestamp"]) for each in seen["readings"]] == [
        ("Count", 1, 1),
        ("Count", 2, 2),
    ]
    assert seen["metrics"]["Count"]["value"] == 2


def test_unknown_alias_is_listed_with_its_reading():
    seen = view(payload(metric(alias=9, value=integer(10, 5), at=3), metric(alias=1, value=1.5)))
    (unknown,) = seen["unknown_aliases"]
    assert (unknown["alias"], unknown["value"], unknown["timestamp"]) == (9, 5, 3)
    assert "name" not in unknown
    assert list(seen["metrics"]) == ["Temperature"]
    assert seen["problems"] == ["unknown_alias"]


def test_metric_with_neither_name_nor_alias_is_listed_too():
    seen = view(payload(metric(value=integer(10, 5))))
    assert [each["alias"] for each in seen["unknown_aliases"]] == [None]


def test_type_that_no_client_gives_is_a_problem():
    seen = view(payload(metric("new", integer(10, 2**32 - 1))), NOTHING_DECLARED)
    assert (seen["metrics"]["new"]["value"], seen["metrics"]["new"]["type"]) == (2**32 - 1, "Unknown")
    assert seen["problems"] == ["unknown_type"]


def test_view_is_json():
    seen = view(payload(metric(alias=1, value=float("nan")), metric(alias=9, value=part(16, b"\xff")), seq=1))
    assert json.loads(json.dumps(seen)) == seen


@pytest.mark.parametrize(
    ("value", "expected"), [(integer(11, 3), 3), (integer(11, 0), 0), (part(15, "3"), None), (b"", None)]
)
def test_number_of_a_session(value, expected):
    assert bd_seq_of(view(payload(metric("bdSeq", value, datatype=4)))) == expected


def test_bd_seq_of_a_payload_without_one_is_none():
    assert bd_seq_of(view(payload())) is None


def test_stale_metrics_are_all_declared_metrics_except_bd_seq():
    table = table_of_rows([["bdSeq", None, 4], ["Temperature", None, 10]])
    topic = parse_topic("spBv1.0/g/NDEATH/n")
    assert stale(topic, "d", table) == [
        {"name": "Temperature", "type": "Double", "group": "g", "node": "n", "device": "d"}
    ]


def test_state_of_a_host():
    topic = parse_topic("spBv1.0/STATE/scada")
    assert host_state(topic, b'{"online": true, "timestamp": 5}') == {
        "type": "STATE",
        "host": "scada",
        "online": True,
        "timestamp": 5,
    }


@pytest.mark.parametrize("data", [b"", b"ONLINE", b"[]", b"{}", b'{"online": 1}'])
def test_host_state_of_another_form_is_rejected(data):
    with pytest.raises(DecodeError, match="STATE"):
        host_state(parse_topic("spBv1.0/STATE/scada"), data)


def documented(heading):
    """The names in the first column of a table of the reference page."""
    rows = PAGE.read_text().split(heading)[1].split("\n\n")[0].splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_reference_names_all_that_expressions_see():
    seen = view(payload(more=part(4, "an id") + part(5, b"")))
    assert documented("| `payload.` | is |") == {*seen, "bd_seq"}


def test_reference_names_all_problems():
    told = re.findall(r"^    (\w+) \*? +\w", session.__doc__, re.MULTILINE)
    assert documented("| problem | means | requests a rebirth |") == {*told}


def test_empty_name_beside_an_alias_is_the_name_of_the_birth():
    seen = view(payload(metric("", integer(10, -1), alias=2)))
    assert (seen["metrics"]["Count"]["value"], seen["problems"]) == (-1, [])


def test_text_that_is_not_utf8_is_replaced_and_the_rest_is_read():
    unit = property_set(unit=integer(1, 12) + part(8, b"\xb0C"))
    seen = view(payload(metric(alias=1, value=21.5, more=part(9, unit)), metric("Count", integer(10, 3))))
    assert seen["metrics"]["Temperature"]["properties"] == {"unit": "\ufffdC"}
    assert (seen["metrics"]["Count"]["value"], seen["problems"]) == (3, ["not_utf8"])


def test_death_without_a_birth_has_the_type_of_its_session_number():
    seen = view(payload(metric("bdSeq", integer(11, 3))), NOTHING_DECLARED, "spBv1.0/g/NDEATH/n")
    assert (seen["metrics"]["bdSeq"]["type"], seen["problems"]) == ("Int64", [])
