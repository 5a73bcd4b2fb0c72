"""Dry run: it leaves no trace in the session and the spool of the real bridge."""

import io
import tempfile
from types import SimpleNamespace

import pytest

from bridge.config import load_settings
from bridge.errors import ConfigError
from bridge.runtime.dry_run import DRY_RUN_SUFFIX, DryRun
from bridge.spool.database.transaction import Transaction
from tests.cli.builders import set_up
from tests.spool.builders import dead_letter


@pytest.fixture
def config(tmp_path):
    return set_up(tmp_path)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder in which a dry run creates its temporary folder."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def dry(config, temporary):
    dry = DryRun(load_settings(config, {}), io.StringIO())
    yield dry
    if dry.service._last_snapshot is None:
        dry.service.stop(5)
    dry.remove()


def test_dry_run_uses_another_session_and_another_spool(dry, temporary, config):
    assert dry.service.snapshot().client_id.endswith(DRY_RUN_SUFFIX)
    (folder,) = temporary.iterdir()
    assert folder in dry.service.data_folder.parents
    assert not (config.parent / "data").exists()


def test_dry_run_removes_its_folder(dry, temporary):
    assert dry.service.stop(5)
    dry.remove()
    dry.remove()
    assert list(temporary.iterdir()) == []


def test_dry_run_that_cannot_start_leaves_no_folder(config, temporary):
    (config.parent / "mappings" / "press.yaml").write_text("topic: [")
    with pytest.raises(ConfigError):
        DryRun(load_settings(config, {}), io.StringIO())
    assert list(temporary.iterdir()) == []


def with_letters(dry, *letters):
    """Replace the service by one that reports these dead letters, newest first."""
    listed = [SimpleNamespace(number=number, **letter._asdict()) for number, letter in letters]
    listed.sort(key=lambda each: -each.number)
    dry.service = SimpleNamespace(last_snapshot=lambda: SimpleNamespace(dead_letters=listed))


@pytest.fixture
def printed(dry, capsys):
    """Return a function that returns the lines that the dry run prints for these dead letters."""
    service = dry.service

    def print_letters(*letters):
        with_letters(dry, *letters)
        dry.print_dead_letters()
        return capsys.readouterr().err.splitlines()

    yield print_letters
    dry.service = service


def test_dry_run_prints_each_dead_letter_once_and_in_order(printed):
    first, second = (1, dead_letter(detail="first")), (2, dead_letter(mapping="", detail="second"))
    lines = printed(first, second)
    assert [line.rpartition(": ")[2] for line in lines] == ["first", "second"]
    assert "mapping (none)" in lines[1]
    assert printed(first, second) == []
    assert len(printed(first, second, (3, dead_letter()))) == 1


def test_dry_run_names_the_dead_letters_that_are_not_printed(printed):
    printed((1, dead_letter()))
    assert "dead letters 2 to 6 are not shown" in printed((7, dead_letter()), (8, dead_letter()))[0]


def test_dry_run_prints_no_control_characters_of_a_topic(printed):
    (line,) = printed((1, dead_letter(topic="a\x1b[2Jb\nc", detail="\x9b")))
    assert not any(ord(each) < 32 or each == "\x9b" for each in line)


def test_dry_run_prints_the_last_dead_letters_after_the_stop(dry, capsys):
    dry.service._spool.commit(Transaction(dead_letters=[dead_letter(detail="the last one")]))
    assert dry.service.stop(5)
    dry.print_dead_letters()
    assert "the last one" in capsys.readouterr().err
