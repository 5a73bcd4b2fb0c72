"""JSON documents of commands: valid for every file name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.cli.output.json_document import SCHEMA_VERSION, document, json_text, print_document


@given(st.dictionaries(st.text(), st.text() | st.none() | st.booleans() | st.integers(-(2**53), 2**53)))
def test_json_text_of_unicode_is_read_back(value):
    assert json.loads(json_text(value)) == value


@given(st.lists(st.text(st.characters(codec=None), max_size=5)))
def test_json_text_of_any_file_name_is_utf8_in_one_line(names):
    encoded = json_text({"files": names}).encode()
    assert b"\n" not in encoded
    assert len(json.loads(encoded)["files"]) == len(names)


def test_json_text_replaces_only_the_bytes_that_are_not_utf8():
    assert json_text(["v\u00e4rme-\udcff.yaml"]) == '["v\u00e4rme-?.yaml"]'


def test_json_text_of_an_unknown_type_is_an_error():
    with pytest.raises(TypeError):
        json_text({"x": object()})


def test_document_is_one_line_with_the_version(capsys):
    print_document(text="a\nb")
    assert (
        capsys.readouterr().out
        == document(text="a\nb") + "\n"
        == f'{{"schema_version":{SCHEMA_VERSION},"text":"a\\nb"}}\n'
    )
