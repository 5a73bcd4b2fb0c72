"""Mappings in a ConfigMap change under traffic: each change becomes active, and no message is lost."""

import contextlib
import threading

import orjson
import pytest

from tests.harness.config_map import ConfigMapFolder
from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import Arrivals, eventually, stop_and_balance

RATE = 500
press = """
topic: factory/+/+/{{machine}}/telemetry
transform: "{{ count: payload.count, version: `{version}`, name: lookup('names', captures.machine) }}"
outputs: [{{data_stream: telemetry, partition_key_from: captures.machine}}]
""".format
oven = """
topic: factory/+/+/+/telemetry
transform: "{{ count: payload.count, version: `{version}` }}"
outputs: [{{data_stream: archive}}]
""".format
BROKEN = "outptus: []\n" + press(version=-1)


class Versions(Arrivals):
    """Records by the version of the mapping and by the name from the lookup table."""

    def __init__(self, kinesis, stream):
        super().__init__(kinesis, stream, number=self._made)
        self.numbers = []

    def _made(self, data):
        record = orjson.loads(data)
        self.numbers.append(record["count"])
        return record["version"], record.get("name")

    def shows(self, version, name=None):
        """Wait for a record of this version of the mapping, with this name."""
        eventually(lambda: (version, name) in self.read(), f"a record of version {version}, with {name!r}")

    def has_all(self, sent):
        """Wait until each message has arrived."""
        eventually(lambda: self.read() and set(self.numbers) == set(range(sent)), f"all of {sent} messages")


class Traffic:
    """Messages at a constant rate, published by a separate thread."""

    def __init__(self, port, first):
        self.sent = first
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish, args=(port,))
        self._thread.start()

    def _publish(self, port):
        with Publisher(port) as publisher:
            while not self._stop.is_set():
                publisher.publish(telemetry(RATE // 10, first=self.sent, topics=1), 1, RATE)
                self.sent += RATE // 10

    def stop(self):
        """Stop, and return the number of messages that the broker has accepted."""
        self._stop.set()
        self._thread.join()
        return self.sent


@pytest.fixture
def config_map(tmp_path):
    return ConfigMapFolder(tmp_path / "mappings")


@pytest.fixture
def traffic(mosquitto):
    with contextlib.ExitStack() as running:

        def start(first=0):
            made = Traffic(mosquitto.port, first)
            running.callback(made.stop)
            return made

        yield start


def keys(name="press 0", **mappings):
    """Return the keys of the ConfigMap: the texts of the mappings, and the lookup table."""
    files = {f"{mapping}.yaml": text for mapping, text in mappings.items()}
    return {**files, "tables/names.csv": f"machine,name\npress000,{name}\n"}


def test_edits_of_a_config_map_go_live_and_lose_nothing(config_map, bridge, kinesis, traffic):
    config_map.write(keys(press=press(version=1), oven=oven(version=1)))
    running, load = bridge({}, here=True), traffic()
    telemetry_stream, archive = Versions(kinesis, "telemetry"), Versions(kinesis, "archive")
    telemetry_stream.shows(1, "press 0")
    config_map.write(keys(press=press(version=2), oven=oven(version=1)))
    telemetry_stream.shows(2, "press 0")
    config_map.write(keys(press=BROKEN, oven=oven(version=2)))  # press.yaml is broken, but oven.yaml becomes active
    archive.shows(2)
    eventually(lambda: "reload failed; still running the previous version" in running.stderr(), "a complaint")
    before = telemetry_stream.read().total()
    eventually(lambda: telemetry_stream.read().total() > before + RATE // 2, "the last good version goes on")
    config_map.write(keys(press=press(version=3), oven=oven(version=2), name="renamed"))
    telemetry_stream.shows(3, "renamed")
    sent = load.stop()
    telemetry_stream.has_all(sent)
    archive.has_all(sent)
    ledger = stop_and_balance(running)
    assert set(telemetry_stream.counts) == {(1, "press 0"), (2, "press 0"), (3, "renamed")}
    assert ledger.lines["press", "telemetry"]["received"] == ledger.lines["oven", "archive"]["received"] == sent
    events = [line["event"] for line in running.log()]
    assert events.count("connected") == 1
    assert [line["file"] for line in running.log() if line["event"] == "mapping reloaded"].count("oven.yaml") == 1


def test_config_map_key_removed_or_added_changes_its_mapping(config_map, bridge, kinesis, traffic):
    config_map.write(keys(press=press(version=1)))
    running, load = bridge({}, here=True), traffic()
    telemetry_stream, archive = Versions(kinesis, "telemetry"), Versions(kinesis, "archive")
    telemetry_stream.shows(1, "press 0")
    config_map.write(keys(oven=oven(version=1)))
    archive.shows(1)
    eventually(lambda: any(line["event"] == "mapping removed" for line in running.log()), "the removal")
    # Records from before the removal may still be buffered. The numbers distinguish them from later records.
    first_after = load.stop()
    load = traffic(first_after)
    seen = archive.read().total()
    eventually(lambda: archive.read().total() > seen + RATE, "the new mapping goes on")
    sent = load.stop()
    since = set(range(first_after, sent))
    eventually(lambda: archive.read() and since <= set(archive.numbers), "all that was sent after the removal")
    ledger = stop_and_balance(running)
    telemetry_stream.read()
    assert max(telemetry_stream.numbers) < first_after
    assert ledger.lines["press", "telemetry"]["received"] == len(set(telemetry_stream.numbers))
