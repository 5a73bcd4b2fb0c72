import stat

import pytest

from bridge.web.editing import version_store
from bridge.web.editing.mapping_folder import version_of
from bridge.web.editing.version_entry import Entry
from bridge.web.editing.version_store import VersionStore


def entry(name="press", text=b"text", action="save", **changes):
    return Entry(name, action, "Anna", "why", 1_800_000_000_000, version_of(text), len(text), **changes)


@pytest.fixture
def store(tmp_path):
    return VersionStore(tmp_path / "data")


def names(tmp_path):
    return sorted(each.name for each in (tmp_path / "data/mapping-history").iterdir())


def test_versions_are_listed_newest_first_and_private(store, tmp_path):
    store.add(entry(text=b"one"), b"one")
    store.add(entry("other"), b"text")
    store.add(entry(text=b"two"), b"two")
    found, damaged = VersionStore(tmp_path / "data").entries("press")
    assert ([each.number for each in found], damaged) == ([3, 1], 0)
    assert store.text("press", 1)[1] == b"one"
    assert store.text("press", 2) is None
    folder = tmp_path / "data/mapping-history"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}


def test_history_without_a_folder_is_empty(store):
    assert store.entries("press") == ([], 0)
    assert store.deleted() == {}
    store.recover(lambda _: pytest.fail("there is nothing to recover"))


def test_renamed_mapping_has_the_versions_of_its_old_name(store):
    store.add(entry("new", b"an earlier mapping of this name"), b"an earlier mapping of this name")
    store.add(entry("old"), b"text")
    store.add(entry("new", action="rename", old_name="old"), b"text")
    store.add(entry("old", b"a later mapping of that name"), b"a later mapping of that name")
    assert [each.number for each in store.entries("new")[0]] == [3, 2]
    assert [each.number for each in store.entries("old")[0]] == [4, 2]


def test_deleted_mappings_are_named_until_they_come_back(store):
    store.add(entry(), b"text")
    gone = Entry("press", "delete", "", "", 1)
    store.add(gone, b"")
    assert list(store.deleted()) == ["press"]
    store.add(entry(), b"text")
    assert store.deleted() == {}


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda text: text[:10], lambda text: text[:-1], lambda text: text + b"x", lambda _: b"\xff" * 90],
)
def test_damaged_version_is_skipped_and_reported_once(store, tmp_path, caplog, damage):
    store.add(entry(text=b"one"), b"one")
    store.add(entry(text=b"two"), b"two")
    file = tmp_path / "data/mapping-history/0000000001-press"
    file.write_bytes(damage(file.read_bytes()))
    for _ in range(2):
        found, damaged = store.entries("press")
        assert ([each.number for each in found], damaged) == ([2], 1)
    assert caplog.text.count("0000000001-press is damaged") == 1
    store.add(entry(text=b"three"), b"three")
    assert store.latest("press").number == 3


def test_version_with_another_text_is_damaged(store, tmp_path):
    store.add(entry(text=b"one"), b"one")
    file = tmp_path / "data/mapping-history/0000000001-press"
    file.write_bytes(file.read_bytes().replace(b"\none", b"\nTWO"))
    assert store.text("press", 1) is None


def test_damaged_pending_change_is_forgotten(store, tmp_path, caplog):
    store.begin(entry(), b"text")
    (tmp_path / "data/mapping-history/pending").write_bytes(b"{")
    store.recover(lambda _: True)
    assert names(tmp_path) == []
    assert "damaged" in caplog.text


@pytest.mark.parametrize(
    ("limit", "value", "expected"),
    [
        ("MAX_VERSIONS", 2, ["0000000002-press", "0000000003-press", "0000000004-other"]),
        ("MAX_ALL_VERSIONS", 2, ["0000000003-press", "0000000004-other"]),
        ("MAX_BYTES", 700, ["0000000003-press", "0000000004-other"]),
    ],
)
def test_oldest_versions_beyond_a_limit_are_deleted(store, tmp_path, monkeypatch, limit, value, expected):
    monkeypatch.setattr(version_store, limit, value)
    for name in ("press", "press", "press", "other"):
        text = b"x" * 150
        store.add(entry(name, text), text)
    assert names(tmp_path) == expected
