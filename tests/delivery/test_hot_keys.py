"""Hot keys are detected by the receive times of their records, which the queue stores every five seconds."""

import logging

import pytest

from bridge.delivery.hot_keys import COUNTING_MS, HotKeys
from bridge.model import Record

BEGUN_MS = 1_700_000_000_000
LONG = 3 * COUNTING_MS / 1000


def bring(keys, rates, secs, size=200, *, speed=1.0, first=1):
    """Add records ten times a second. `rates`: records per second of each key. `speed`: reading per receiving speed."""
    number = first
    for tick in range(int(secs * 10 / speed)):
        some = []
        for key, rate in rates.items():
            some += [Record(number + n, 1, key, b"x" * size) for n in range(int(rate * speed) // 10)]
            number += len(some)
        keys.add(some, BEGUN_MS + int(tick * speed / 50) * 5000, tick / 10)
    return number


def test_key_that_exceeds_a_shard_is_named_with_advice(caplog):
    keys = HotKeys("telemetry", packed=False)
    bring(keys, {"press07": 1500, "press08": 300}, LONG)
    assert keys.hot == "press07"
    (told,) = caplog.messages
    assert "'press07' alone brings" in told
    assert "packing: kpl" in told


def test_keys_that_exceed_a_shard_only_together_are_not_named():
    keys = HotKeys("telemetry", packed=False)
    bring(keys, {"press07": 700, "press08": 700}, LONG)
    assert keys.hot == ""


@pytest.mark.parametrize(("packed", "size", "hot"), [(True, 200, ""), (True, 900, "press07"), (False, 200, "press07")])
def test_packed_only_bytes_count(packed, size, hot):
    keys = HotKeys("telemetry", packed=packed)
    bring(keys, {"press07": 1500}, LONG, size)
    assert keys.hot == hot


def test_hot_key_is_logged_once(caplog):
    caplog.set_level(logging.WARNING)
    keys = HotKeys("telemetry", packed=False)
    bring(keys, {"press07": 1500}, 60)
    assert len(caplog.messages) == 1


def test_hot_key_is_none_without_a_busy_shard():
    keys = HotKeys("telemetry", packed=False)
    bring(keys, {"press07": 1500}, LONG)
    keys.reset()
    assert keys.hot == ""


def test_hot_key_warning_states_the_received_rate(caplog):
    keys = HotKeys("telemetry", packed=False)
    bring(keys, {"press07": 4000, "press08": 10}, LONG)
    (told,) = caplog.messages
    assert "brings 4000 records and 781 KiB a second" in told


def test_key_of_a_backlog_that_shrinks_is_not_hot():
    keys = HotKeys("telemetry", packed=False)
    bring(keys, {"press07": 600}, 120, speed=8.0)
    assert keys.hot == ""


def test_backlog_beside_what_comes_in_is_not_counted():
    """With `backlog: live_first`, the queue returns the newest records first, and then older ones."""
    keys = HotKeys("telemetry", packed=False)
    number = 100_000
    for tick in range(int(LONG * 10)):
        live = [Record(number + n, 1, "press07", b"x") for n in range(60)]
        number += len(live)
        backlog = [Record(tick * 90 + n, 1, "press07", b"x") for n in range(90)]
        keys.add([*live, *backlog], BEGUN_MS + tick // 50 * 5000, tick / 10)
        keys.add([Record(1, 1, "press07", b"x")] * 90, BEGUN_MS - 3_600_000, tick / 10)
    assert keys.hot == ""
