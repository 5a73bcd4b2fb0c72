import logging

import pytest

from bridge.kinesis.hot_keys import HotKeys
from bridge.model import Record


def bring(keys, rates, secs, size=200, start=0.0):
    """So many records a second of each key, ten times a second."""
    number = 0
    for tick in range(int(secs * 10)):
        some = []
        for key, rate in rates.items():
            some += [Record(number + n, 1, key, b"x" * size) for n in range(rate // 10)]
        keys.add(some, start + tick / 10)


def test_a_key_that_exceeds_a_shard_is_named_with_advice(caplog):
    keys = HotKeys("telemetry", packed=False)
    bring(keys, {"press07": 1500, "press08": 300}, 6)
    assert keys.hot == "press07"
    (told,) = caplog.messages
    assert "'press07' alone brings" in told
    assert "packing: kpl" in told


def test_keys_that_exceed_a_shard_only_together_are_not_named():
    keys = HotKeys("telemetry", packed=False)
    bring(keys, {"press07": 700, "press08": 700}, 6)
    assert keys.hot == ""


@pytest.mark.parametrize(("packed", "size", "hot"), [(True, 200, ""), (True, 900, "press07"), (False, 200, "press07")])
def test_packed_only_bytes_count(packed, size, hot):
    keys = HotKeys("telemetry", packed=packed)
    bring(keys, {"press07": 1500}, 6, size)
    assert keys.hot == hot


def test_it_is_told_once_and_not_every_few_seconds(caplog):
    caplog.set_level(logging.WARNING)
    keys = HotKeys("telemetry", packed=False)
    bring(keys, {"press07": 1500}, 60)
    assert len(caplog.messages) == 1


def test_when_all_is_calm_no_key_is_hot():
    keys = HotKeys("telemetry", packed=False)
    bring(keys, {"press07": 1500}, 6)
    keys.calm()
    assert keys.hot == ""
