"""A live edge node, npm `sparkplug-client`, over a real broker."""

import threading
import time

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from bridge.model import Message
from bridge.payloads.sparkplug.session import OWN_COMMAND, SparkplugSession
from bridge.spool.mapping_state import MappingState
from tests.payloads.sparkplug.edge_node import EdgeNode

NODE = [{"name": "Load", "alias": 1, "type": "Double", "value": 0.5}]
PRESS = [
    {
        "name": "Temperature",
        "alias": 10,
        "type": "Float",
        "value": 21.5,
        "properties": {"unit": {"type": "String", "value": "C"}},
    },
    {"name": "Int8", "alias": 11, "type": "Int8", "value": -5},
    {"name": "Int16", "alias": 12, "type": "Int16", "value": -3000},
    {"name": "Int32", "alias": 13, "type": "Int32", "value": -(2**31)},
    {"name": "Int64", "alias": 14, "type": "Int64", "value": str(-(2**63))},
    {"name": "UInt8", "alias": 15, "type": "UInt8", "value": 255},
    {"name": "UInt32", "alias": 16, "type": "UInt32", "value": 2**32 - 1},
    {"name": "UInt64", "alias": 17, "type": "UInt64", "value": str(2**64 - 1)},
    {"name": "Running", "alias": 18, "type": "Boolean", "value": True},
    {"name": "Recipe", "alias": 19, "type": "String", "value": "größe"},
    {"name": "Since", "alias": 20, "type": "DateTime", "value": 1_700_000_000_123},
    {"name": "Raw", "alias": 21, "type": "Bytes", "value": [0, 127, 255]},
    {"name": "Empty", "alias": 22, "type": "Int32", "value": None},
    {
        "name": "Shots",
        "alias": 23,
        "type": "DataSet",
        "value": {
            "numOfColumns": 2,
            "columns": ["n", "s"],
            "types": ["Int32", "String"],
            "rows": [[-1, "a"], [2, "b"]],
        },
    },
    {
        "name": "Motor",
        "alias": 24,
        "type": "Template",
        "value": {
            "isDefinition": False,
            "templateRef": "Motor",
            "version": "1",
            "metrics": [{"name": "Speed", "type": "Int32", "value": -7}],
            "parameters": [{"name": "Size", "type": "Int32", "value": 3}],
        },
    },
]
VALUES = {
    "Temperature": 21.5,
    "Int8": -5,
    "Int16": -3000,
    "Int32": -(2**31),
    "Int64": -(2**63),
    "UInt8": 255,
    "UInt32": 2**32 - 1,
    "UInt64": 2**64 - 1,
    "Running": True,
    "Recipe": "größe",
    "Since": 1_700_000_000_123,
    "Raw": [0, 127, 255],
    "Empty": None,
    "Shots": {"columns": ["n", "s"], "types": ["Int32", "String"], "rows": [[-1, "a"], [2, "b"]]},
}


class Host:
    """A subscriber that reads everything by a session and publishes its commands, as the bridge does."""

    def __init__(self, port, memory=None):
        self.memory = MappingState("m", {}) if memory is None else memory
        self._session = SparkplugSession()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._read
        self._subscribed = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe("spBv1.0/plant/#")
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._arrived = threading.Condition()
        self.seen = []

    def __enter__(self):
        self._client.loop_start()
        assert self._subscribed.wait(20), "no SUBACK"
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()

    def _read(self, client, _userdata, got):
        sent = Message(got.topic, got.payload, got.qos, got.retain, time.time_ns() // 1_000_000)
        view, commands = self._session.decode(sent, self.memory)
        for command in commands:
            client.publish(command.topic, command.payload, 0)
        if view is OWN_COMMAND:
            return
        with self._arrived:
            self.seen.append(view)
            self._arrived.notify_all()

    def next(self, kind, timeout_secs=20):
        """The first message of this kind that has not been looked at; those before it have been."""

        def found():
            return next((place for place, view in enumerate(self.seen) if view["type"] == kind), None)

        with self._arrived:
            self._arrived.wait_for(lambda: found() is not None, timeout_secs)
            place = found()
            assert place is not None, f"no {kind} within {timeout_secs} s: {self.seen}"
            view = self.seen[place]
            del self.seen[: place + 1]
        return view


@pytest.fixture
def host(mosquitto):
    with Host(mosquitto.port) as following:
        yield following


@pytest.fixture
def node(mosquitto, host):
    with EdgeNode(mosquitto.port, metrics=NODE, devices={"press": PRESS}) as edge_node:
        yield edge_node


def reading(alias, kind, value):
    return {"alias": alias, "type": kind, "value": value}


def test_births_show_every_value_as_it_was_sent(host, node):
    birth = host.next("NBIRTH")
    assert (birth["seq"], birth["bd_seq"], birth["problems"]) == (0, 0, [])
    assert birth["metrics"]["Load"]["value"] == 0.5
    press = host.next("DBIRTH")
    assert (press["node"], press["device"], press["seq"], press["problems"]) == ("line", "press", 1, [])
    values = {name: press["metrics"][name]["value"] for name in VALUES}
    assert values == VALUES
    motor = press["metrics"]["Motor"]["value"]
    assert (motor["reference"], motor["metrics"]["Speed"]["value"], motor["parameters"]) == ("Motor", -7, {"Size": 3})
    assert press["metrics"]["Temperature"]["properties"] == {"unit": "C"}


def test_data_by_alias_comes_out_by_name(host, node):
    node.order("ddata", device="press", metrics=[reading(10, "Float", 22.5), reading(11, "Int8", -6)])
    data = host.next("DDATA")
    assert {name: each["value"] for name, each in data["metrics"].items()} == {"Temperature": 22.5, "Int8": -6}
    assert (data["problems"], data["online"]) == ([], True)
    node.order("ndata", metrics=[reading(1, "Double", 0.75)])
    assert host.next("NDATA")["metrics"]["Load"]["value"] == 0.75


def test_sequence_holds_past_255(host, node):
    for number in range(300):
        node.order("ddata", device="press", metrics=[reading(13, "Int32", number)])
    data = [host.next("DDATA") for _ in range(300)]
    assert [each["metrics"]["Int32"]["value"] for each in data] == list(range(300))
    assert not [each["problems"] for each in data if each["problems"]]


def test_gap_makes_the_node_give_birth_again(host, node):
    host.next("DBIRTH")
    node.order("lose", messages=3)
    node.order("ddata", device="press", metrics=[reading(11, "Int8", 1)])
    assert host.next("DDATA")["problems"] == ["gap"]
    (command,) = node.wait_for("command")
    assert (command["name"], command["type"], command["value"]) == ("Node Control/Rebirth", "Boolean", True)
    assert host.next("NBIRTH")["seq"] == 0
    assert host.next("DBIRTH")["problems"] == []
    node.order("ddata", device="press", metrics=[reading(11, "Int8", 2)])
    assert host.next("DDATA")["problems"] == []


def test_host_that_came_too_late_for_the_births_requests_them(mosquitto, host, node):
    host.next("DBIRTH")
    with Host(mosquitto.port) as late:
        node.order("ddata", device="press", metrics=[reading(10, "Float", 22.5)])
        data = late.next("DDATA")
        assert data["problems"] == ["unknown_alias", "no_birth"]
        assert [(each["alias"], each["value"]) for each in data["unknown_aliases"]] == [(10, 22.5)]
        node.wait_for("born", 2)
        late.next("DBIRTH")
        node.order("ddata", device="press", metrics=[reading(10, "Float", 23.5)])
        assert late.next("DDATA")["metrics"]["Temperature"]["value"] == 23.5


def test_host_that_restarts_continues_where_it_was(mosquitto, host, node):
    host.next("DBIRTH")
    host.__exit__()
    with Host(mosquitto.port, MappingState("m", dict(host.memory.items()))) as again:
        node.order("ddata", device="press", metrics=[reading(10, "Float", 22.5)])
        data = again.next("DDATA")
        assert (data["problems"], data["metrics"]["Temperature"]["value"]) == ([], 22.5)


def test_death_of_a_device_shows_what_is_stale(host, node):
    host.next("DBIRTH")
    node.order("ddeath", device="press")
    death = host.next("DDEATH")
    assert {each["name"] for each in death["stale"]} == {each["name"] for each in PRESS}
    assert (death["online"], death["problems"]) == (False, [])


def test_broker_reports_the_death_of_a_node_that_was_killed(host, node):
    host.next("DBIRTH")
    node.kill()
    death = host.next("NDEATH")
    assert (death["bd_seq"], death["online"], death["problems"]) == (0, False, [])
    gone = {(each["device"], each["name"], each["type"]) for each in death["stale"]}
    assert {(None, "Load", "Double"), ("press", "Temperature", "Float")} <= gone


@pytest.mark.parametrize("algorithm", ["GZIP", "DEFLATE"])
def test_compressed_payloads_are_read(mosquitto, host, algorithm):
    options = {"compress": True, "algorithm": algorithm}
    with EdgeNode(mosquitto.port, metrics=NODE, devices={"press": PRESS}, options=options) as node:
        assert host.next("DBIRTH")["metrics"]["Int8"]["value"] == -5
        node.order("ddata", device="press", metrics=[reading(11, "Int8", -7)], options=options)
        data = host.next("DDATA")
        assert (data["metrics"]["Int8"]["value"], data["problems"]) == (-7, [])
