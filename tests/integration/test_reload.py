"""Mapping files that change under traffic: no message is lost, broken files map nothing, and the session continues."""

import signal
import threading
import time
from itertools import pairwise

import orjson

from tests.harness.bridge_process import write_mapping
from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import Arrivals, eventually, stop_and_balance

REWRITES, SECS, RATE = 160, 16.0, 400
BROKEN = -1
"""Version in the records that a broken file would create."""

PRESS = """
topic: factory/+/+/{{machine}}/telemetry
transform: |
  {{ count: payload.count, version: `{version}`, machine: captures.machine }}
outputs: [{{data_stream: telemetry, partition_key_from: captures.machine}}]
{more}"""
FAILING_TEST = "tests: [{name: n, topic: factory/a/b/c/telemetry, payload: {}, expect: filtered}]\n"
OTHER = "topic: other/+\noutputs: [{data_stream: archive}]\n"


def good(version):
    return PRESS.format(version=version, more="")


BREAKS = [
    PRESS.format(version=BROKEN, more=FAILING_TEST),
    PRESS.format(version=BROKEN, more="retaned: skip\n"),
    PRESS.format(version=BROKEN, more="").replace("payload.count", "payload.count +"),
    PRESS.format(version=BROKEN, more="").partition("captures.machine }")[0],
    "",
]


def is_broken(number):
    """Return whether a version is broken. A third of the versions are, but never the last.

    The pattern repeats with another period than the scans of the bridge, so scans see both kinds of versions.
    """
    return number != REWRITES and number % 11 in {1, 4, 6, 9}


def by_count(data):
    record = orjson.loads(data)
    return record["count"], record["version"]


def storm(folder):
    """Write many versions of the mapping. A third of them are broken.

    Every second version replaces the file by a rename. The others overwrite the file, so the bridge may read it empty
    or half written. A second mapping is added and removed repeatedly, and so is its subscription.
    """
    began = time.monotonic()
    file, other = folder / "mappings" / "press.yaml", folder / "mappings" / "other.yaml"
    for number in range(1, REWRITES):
        text = BREAKS[number % len(BREAKS)] if is_broken(number) else good(number)
        if number % 2:
            write_mapping(folder, "press", text)
        else:
            with file.open("w") as half_written:
                half_written.write(text[: text.find("payload.count")])
                half_written.flush()
                half_written.write(text[text.find("payload.count") :])
        if number % 20 == 0:
            write_mapping(folder, "other", OTHER)
        elif number % 20 == 10:
            other.unlink(missing_ok=True)
        time.sleep(max(0.0, began + number * SECS / REWRITES - time.monotonic()))
    write_mapping(folder, "press", good(REWRITES))


def test_storm_of_reloads_loses_nothing_and_no_broken_file_maps_anything(mosquitto, kinesis, bridge):
    running = bridge({"press": good(0)})
    arrivals = Arrivals(kinesis, number=by_count)
    count = int(RATE * SECS)
    rewriting = threading.Thread(target=storm, args=(running.folder,))
    rewriting.start()
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(count), 1, RATE)
        rewriting.join()
        last = count
        while (last, REWRITES) not in arrivals.read():  # until the last version is active
            last += 1
            publisher.publish(telemetry(1, first=last), 1)
            arrivals.wait_for(last)
            assert last < count + 600, "the last version never came into force"
    eventually(lambda: len(arrivals.read()) >= last, "all messages")
    ledger = stop_and_balance(running)
    versions = [version for _, version in sorted(arrivals.counts)]
    assert sorted(number for number, _ in arrivals.counts) == [*range(count), *range(count + 1, last + 1)]
    assert not [version for version in {*versions} if version == BROKEN or is_broken(version)], (
        "a broken file has mapped"
    )
    assert all(before <= after for before, after in pairwise(versions)), "an older version came back"
    assert len(set(versions)) > 2, "none but the first and the last version went live"
    assert ledger.lines["press", "telemetry"]["received"] == len(versions)
    events = [line["event"] for line in running.log()]
    assert events.count("connected") == 1
    assert sum("reload failed; still running the previous version" in (event or "") for event in events) >= 1
    print(
        f"{len(versions)} messages, {len(set(versions))} versions in force, {events.count('mapping reloaded')} reloads"
    )


def test_sighup_and_what_editors_do_take_effect_and_keep_the_session(mosquitto, kinesis, bridge):
    running = bridge({"press": good(0)})
    arrivals = Arrivals(kinesis, number=by_count)
    mappings = running.folder / "mappings"
    sent = 0

    def in_force(version):
        def arrived():
            nonlocal sent
            publisher.publish(telemetry(1, first=sent), 1)
            sent += 1
            return any(made == version for _, made in arrivals.read())

        eventually(arrived, f"version {version}", every_secs=0.05)

    with Publisher(mosquitto.port) as publisher:
        in_force(0)
        (mappings / "press.yaml").write_text(good(2)[:60])  # half written: the last good version stays
        eventually(lambda: any("press.yaml" in (line["event"] or "") for line in running.log()), "a complaint")
        (mappings / "press.yaml").write_text(good(2))
        in_force(2)
        (mappings / "press.yaml~").write_text(good(99))  # a backup file of an editor is ignored
        (mappings / "press.yaml").rename(mappings / "oven.yaml")
        write_mapping(running.folder, "other", OTHER)
        eventually(lambda: [line for line in running.log() if line["event"] == "mapping removed"], "the rename")
        (mappings / "oven.yaml").write_text(good(4))
        running.send_signal(signal.SIGHUP)
        in_force(4)
    eventually(lambda: len(arrivals.read()) >= sent, "all messages")
    ledger = stop_and_balance(running)
    assert {number for number, _ in arrivals.counts} == set(range(sent))
    assert {version for _, version in arrivals.counts} == {0, 2, 4}
    assert {name for name, _ in ledger.lines if name} >= {"press", "oven"}
    assert [line["event"] for line in running.log()].count("connected") == 1
