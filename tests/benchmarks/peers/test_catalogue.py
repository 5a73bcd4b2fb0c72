import tomllib
from dataclasses import replace

import pytest
import yaml

from tests.benchmarks.load import STREAM
from tests.benchmarks.peers.catalogue import PEERS
from tests.benchmarks.peers.peer import HERE, Place
from tests.harness.telemetry import TOPIC_FILTER

CONFIGURED = [peer for peer in PEERS if peer.config]
PARSERS = {
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".py": lambda text: compile(text, "", "exec"),
}


@pytest.mark.parametrize("peer", CONFIGURED, ids=lambda peer: peer.name)
def test_configuration_of_a_peer_is_well_formed_and_names_the_stream(peer):
    file = HERE / peer.config
    text = file.read_text()
    assert PARSERS[file.suffix](text)
    assert STREAM in text
    assert "KINESIS_PORT" in text


@pytest.mark.parametrize("peer", [peer for peer in CONFIGURED if not peer.server], ids=lambda peer: peer.name)
def test_sink_subscribes_as_the_expected_client(peer):
    text = (HERE / peer.config).read_text()
    assert TOPIC_FILTER in text
    assert "BROKER_PORT" in text
    assert "peer" in text


def test_configuration_files_all_belong_to_a_peer():
    files = {file.name for file in HERE.iterdir() if file.suffix in {".toml", ".yaml"}} | {"naive.py"}
    assert files == {peer.config for peer in CONFIGURED}


def test_telegraf_may_hold_more_than_it_may_leave_unacknowledged():
    config = tomllib.loads((HERE / "telegraf.toml").read_text())
    [consumer] = config["inputs"]["mqtt_consumer"]
    assert consumer["max_undelivered_messages"] < config["agent"]["metric_buffer_limit"]
    assert (consumer["qos"], consumer["persistent_session"]) == (1, True)


def test_peer_with_two_names_is_started_by_the_command_of_each(tmp_path):
    peer, place = peer_named("Redpanda"), Place(tmp_path, 1, 2, 3)
    config = str(HERE / "benthos.yaml")
    assert peer.command(("rpk", "connect"), place) == ["rpk", "connect", "run", config]
    assert peer.command(("bento",), place) == ["bento", "-c", config]


def test_bridge_takes_part_wherever_it_runs():
    assert all(peer.found() for peer in PEERS[:3])
    assert replace(PEERS[0], programs=(("no-such-program",),)).found() is None


def peer_named(word):
    return next(peer for peer in PEERS if word in peer.name)
