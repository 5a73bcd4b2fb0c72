"""One version of a mapping file in the history, as a file that may be damaged."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.web.editing.mapping_folder import version_of
from bridge.web.editing.version_entry import DamagedEntry, Entry, from_bytes, from_head, to_bytes
from tests.web.editing.test_version_store import entry


def test_entry_of_other_fields_is_damaged():
    for content in (b"{}\n", b"[]\n", b"1\n", to_bytes(entry(), b"text").replace(b'"bytes":4', b'"bytes":"4"')):
        with pytest.raises(DamagedEntry):
            from_bytes(content)


@given(st.binary(max_size=80), st.text(st.characters(codec="utf-8"), max_size=20), st.integers(0, 2**53))
def test_entry_of_any_text_and_note_comes_back(text, note, at_ms):
    made = Entry("press", "save", note, note, at_ms, version_of(text), len(text), "a.yaml", "b.yaml", "old", 7)
    assert from_bytes(to_bytes(made, text)) == (made, text)


@given(st.binary(max_size=60), st.integers(0, 60), st.binary(min_size=1, max_size=3))
def test_entry_with_any_change_of_its_text_is_damaged(text, position, other):
    content = to_bytes(entry(text=text), text)
    head = content[: len(content) - len(text)]
    changed = text[: min(position, len(text))] + other + text[min(position, len(text)) :]
    for damaged in (changed, changed[: len(text)]):
        if damaged != text:
            with pytest.raises(DamagedEntry):
                from_bytes(head + damaged)


@given(st.binary(max_size=60))
def test_entry_in_any_file_is_damaged(content):
    with pytest.raises(DamagedEntry):
        from_bytes(content)


@pytest.mark.parametrize(
    "changes", [{"number": True}, {"number": 1.0}, {"bytes": None}, {"note": 1}, {"at_ms": "1"}, {"extra": 1}]
)
def test_entry_with_a_value_of_another_type_is_damaged(changes):
    head, text = to_bytes(entry(), b"text").split(b"\n")
    value = orjson.dumps(orjson.loads(head) | changes) + b"\n"
    with pytest.raises(DamagedEntry):
        from_head(value, len(value) + len(text))


@pytest.mark.parametrize(("more", "damaged"), [(-1, True), (0, False), (1, True)])
def test_head_of_an_entry_is_damaged_if_the_file_has_another_size(more, damaged):
    content = to_bytes(entry(), b"text")
    head = content[: -len(b"text")]
    if damaged:
        with pytest.raises(DamagedEntry):
            from_head(head, len(content) + more)
    else:
        assert from_head(head, len(content)) == entry()


def test_entry_of_a_deletion_has_no_text():
    gone = Entry("press", "delete", "Anna", "", 1, was="press.yaml")
    assert from_bytes(to_bytes(gone, b"")) == (gone, b"")
    assert (gone.value()["version"], gone.value()["bytes"], gone.value()["id"]) == ("", 0, "0")
