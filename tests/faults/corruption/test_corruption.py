"""Some of the thousand cases of `make faults ONLY=corruption`."""

import random
import shutil

import pytest

from tests.faults.corruption.damage import KINDS
from tests.faults.corruption.specimen import killed_spool
from tests.faults.corruption.trial import try_damage

SAMPLE = 60


@pytest.fixture(scope="module")
def specimens(tmp_path_factory):
    folder = tmp_path_factory.mktemp("specimens")
    return [
        killed_spool(folder / "log", 1, bursts=40, in_log=True),
        killed_spool(folder / "database", 2, bursts=40, in_log=False),
    ]


@pytest.mark.parametrize("seed", range(SAMPLE))
def test_damaged_spool_starts_and_declares_its_loss(specimens, tmp_path, seed):
    verdict = try_damage(specimens[seed % 2], tmp_path / "hurt", seed)
    assert not verdict.problems, verdict


@pytest.mark.parametrize("kind", KINDS)
def test_damage_of_each_kind_changes_the_file(kind):
    data = bytearray(random.Random(5).randbytes(20_000))
    before = bytes(data)
    KINDS[kind](random.Random(3), data)
    assert bytes(data) != before


def test_spool_without_damage_has_lost_nothing(specimens, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.faults.corruption.trial.hurt", lambda *_: "nothing")
    for number, specimen in enumerate(specimens):
        verdict = try_damage(specimen, tmp_path / f"{number}", 0)
        assert (verdict.lost, verdict.declared, verdict.duplicates, verdict.problems) == (0, 0, 0, ())


def test_record_that_disappears_without_a_log_line_is_noticed(specimens, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.faults.corruption.trial.hurt", lambda folder, _: shutil.rmtree(folder) or "removed")
    verdict = try_damage(specimens[0], tmp_path / "hurt", 0)
    assert verdict.lost == len(specimens[0].waiting) + len(specimens[0].dead_letters)
    assert verdict.problems
