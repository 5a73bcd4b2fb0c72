"""Notes on mapping files that load. A note names a probable mistake, and never a probable intention."""

import pytest

from bridge.mapping.loading.lint import NOTE_CODES
from bridge.mapping.loading.mapping_loader import load_folder
from tests.docs.pages import DOCS

TEST = """
tests:
  - name: t
    topic: a/b
    payload: {readings: [{unit: F, v: 1, F: 2}]}
    expect: [{data_stream: s}]
"""


def notes(tmp_path, transform, tests="", **options):
    outputs = "[{data_stream: s, order: strict, partition_key: k}]"
    (tmp_path / "m.yaml").write_text(f"topic: a/b\ntransform: |\n  {transform}\noutputs: {outputs}\n{tests}")
    return load_folder(tmp_path, {}, shown_as="mappings", **options).notes


@pytest.mark.parametrize(
    "transform",
    [
        'payload.readings[?unit == "F"]',
        'payload.readings[?"F" == unit].v',
        'payload.readings[?starts_with(unit, "F")]',
        'payload.readings | [?unit != "F"]',
    ],
)
def test_text_in_double_quotes_is_noted_with_its_place(tmp_path, transform):
    [note] = [each for each in notes(tmp_path, transform) if each.code == "quoted-name"]
    assert str(note).startswith(f"mappings/m.yaml:3:{transform.index(chr(34)) + 3}: transform: ")
    assert "if the text is meant, write 'F'" in note.message


@pytest.mark.parametrize(
    "transform",
    [
        "payload.readings[?unit == 'F']",
        'payload.readings[?"F" == `2`]',
        'payload.readings[?"flow-rate" == v]',
        'payload.readings[*].{"F": v} | [?v == "F"]',
        'payload.readings[?length("F") == v]',
        '"payload".readings',
    ],
)
def test_name_in_double_quotes_that_may_be_meant_is_not_noted(tmp_path, transform):
    assert [each.code for each in notes(tmp_path, transform)] == ["no-tests"]


def test_field_that_a_test_has_is_not_noted(tmp_path):
    assert (
        notes(
            tmp_path,
            'payload.readings[?v < "F"]',
            TEST.replace("[{data_stream: s}]", "[{data_stream: s, data: [{unit: F, v: 1, F: 2}]}]"),
        )
        == []
    )


def test_test_that_fails_by_a_quoted_name_contains_the_note(tmp_path):
    notes(
        tmp_path,
        'payload.readings[?unit == "C"].v',
        TEST.replace("[{data_stream: s}]", "[{data_stream: s, data: [1]}]"),
    )
    [problem] = load_folder(tmp_path, {}).problems
    assert "if the text is meant, write 'C'" in problem.message


def test_order_that_several_bridges_cannot_hold_is_noted(tmp_path):
    assert [each.code for each in notes(tmp_path, "payload", shared=True)] == ["no-tests", "order-shared"]


def test_reference_lists_every_code_of_a_note():
    page = (DOCS / "reference" / "check-errors.md").read_text()
    assert all(f"| `{code}` | {text}" in page for code, text in NOTE_CODES.items())


def key_notes(tmp_path, key):
    (tmp_path / "m.yaml").write_text(f"topic: a/{{b}}\noutputs:\n  - data_stream: s\n    partition_key: {key}\n")
    return {each.code: str(each) for each in load_folder(tmp_path, {}, shown_as="mappings").notes}


@pytest.mark.parametrize("key", ["captures.b", "$payload.id", "record.id", "topic", "'{b}'"])
def test_constant_key_that_looks_like_an_expression_is_noted(tmp_path, key):
    note = key_notes(tmp_path, key)["constant-key"]
    shown = key.strip("'")
    assert note.startswith(
        f"mappings/m.yaml:4:{21 if shown != key else 20}: outputs[0].partition_key: all records have the key '{shown}',"
    )


@pytest.mark.parametrize("key", ["line3", "payload-7", "topics", "capture.b", "'7'"])
def test_constant_key_that_is_a_text_is_not_noted(tmp_path, key):
    assert list(key_notes(tmp_path, key)) == ["no-tests"]
