from dataclasses import replace

import pytest

from tests.benchmarks.peers.catalogue import PEERS
from tests.benchmarks.peers.scenes import play
from tests.benchmarks.peers.stage import Load

FEW = Load(backlog=400, rate=200, secs=3, away_secs=1, patience_secs=30)
NAIVE = next(peer for peer in PEERS if peer.name == "paho + boto3")
BRIDGE = PEERS[0]


def test_peer_that_reads_a_backlog_is_measured_to_the_last_message():
    outcome = play(NAIVE, "backlog", FEW)
    assert (outcome.peer, outcome.scene, outcome.sent) == ("paho + boto3", "backlog", 400)
    assert (outcome.lost, outcome.duplicates, outcome.records, outcome.units) == (0, 0, 400, 400)
    assert outcome.cpu_us_per_message > 0
    assert outcome.rss_mb > 10


def test_bridge_that_is_killed_on_the_way_loses_nothing():
    outcome = play(BRIDGE, "killed", FEW)
    assert (outcome.sent, outcome.lost) == (600, 0)
    assert outcome.records == 600 + outcome.duplicates


def test_messages_that_never_arrive_count_as_lost():
    deaf = replace(NAIVE, command=lambda program, place: [*program, "-c", SUBSCRIBES_ONLY])
    outcome = play(deaf, "live", replace(FEW, patience_secs=1))
    assert (outcome.lost, outcome.records, outcome.messages_per_sec) == (600, 0, 0)


def test_peer_that_ends_reports_why():
    broken = replace(NAIVE, command=lambda program, place: [*program, "-c", "raise SystemExit('no such option')"])
    with pytest.raises(AssertionError, match="has ended:\nno such option"):
        play(broken, "live", FEW)


SUBSCRIBES_ONLY = """
import os, paho.mqtt.client as mqtt
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="peer", clean_session=False)
client.on_connect = lambda client, *_: client.subscribe("factory/+/+/+/telemetry", qos=1)
client.connect("127.0.0.1", int(os.environ["BROKER_PORT"]))
client.loop_forever()
"""
