"""Dead letters that a running bridge replays, with live traffic, and with repeated kills during the replay."""

import json
import random
import subprocess
import sys
import time
from functools import partial

from tests.harness.bridge_process import ROOT, write_mapping
from tests.harness.cli_runner import called
from tests.harness.ledger import read_ledger
from tests.harness.publisher import Publisher
from tests.integration.arrivals import Arrivals, eventually, stop_and_balance

COUNT = 2_000
KILLS = 2
SEED = 20_261_124
BROKEN = {
    "topic": "plant/{machine}",
    "transform": "{count: add(payload.count, payload.none)}",
    "outputs": [{"data_stream": "telemetry", "partition_key_from": "captures.machine"}],
}
MENDED = BROKEN | {"transform": "{count: payload.count}"}
LIVE = {
    "topic": "live/{machine}",
    "transform": "{count: payload.count}",
    "outputs": [{"data_stream": "archive", "partition_key_from": "captures.machine"}],
}


def messages(topic, first, count):
    return [(f"{topic}/press{number % 20}", b'{"count": %d}' % number) for number in range(first, first + count)]


def command(folder, *words):
    line = [sys.executable, "-m", "bridge", "dead-letters", *words, "--config", str(folder / "bridge.yaml")]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def dead_letters(bridge):
    return read_ledger(bridge.folder / "data").dead_letters


def begun(process, left, replay):
    return dead_letters(process) < left or replay.poll() is not None


def mended(bridge, tmp_path, publisher, *, here=False):
    """Start a bridge with this number of dead letters, and then fix its mapping."""
    process = bridge({"press": BROKEN, "live": LIVE}, here=here)
    publisher.publish(messages("plant", 0, COUNT))
    eventually(lambda: dead_letters(process) == COUNT, "all are dead letters")
    write_mapping(tmp_path, "press", MENDED)
    eventually(lambda: any("mapping reloaded" in json.dumps(line) for line in process.log()), "it is mended")
    return process


def test_dead_letters_are_replayed_while_live_traffic_flows(bridge, mosquitto, kinesis, tmp_path):
    with Publisher(mosquitto.port) as publisher:
        process = mended(bridge, tmp_path, publisher, here=True)
        replay = command(tmp_path, "replay", "--all")
        publisher.publish(messages("live", 0, 2_000))
        out, _ = replay.communicate(timeout=60)
        assert f"replayed {COUNT:,}, filtered 0, failed again 0" in out
        assert replay.returncode == 0
        Arrivals(kinesis).wait_for_all(range(COUNT))
        Arrivals(kinesis, "archive").wait_for_all(range(2_000))
        ledger = stop_and_balance(process)
        assert ledger.dead_letters == 0


def test_killed_in_the_middle_each_dead_letter_is_there_or_its_record_is(bridge, mosquitto, kinesis, tmp_path):
    chance = random.Random(SEED)
    with Publisher(mosquitto.port) as publisher:
        process = mended(bridge, tmp_path, publisher)
        for _ in range(KILLS):
            left = dead_letters(process)
            replay = command(tmp_path, "replay", "--all")
            eventually(partial(begun, process, left, replay), "some have left", every_secs=0.01)
            time.sleep(chance.uniform(0.0, 0.05))
            process.kill()
            replay.communicate(timeout=90)
            ledger = read_ledger(process.folder / "data")
            ledger.check()
            print(f"{ledger.dead_letters:,} letters left")
            assert ledger.dead_letters + ledger.in_queues + ledger.total("delivered") == COUNT, f"seed {SEED}"
            process.start()
        called(tmp_path, "dead-letters", "replay", "--all")
        assert dead_letters(process) == 0
        Arrivals(kinesis).wait_for_all(range(COUNT))
        stop_and_balance(process)
