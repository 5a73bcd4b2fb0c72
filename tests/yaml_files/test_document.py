import pytest

from bridge.errors import ConfigError, Problem
from bridge.yaml_files import read_document
from tests.yaml_files.read import parsed


def test_data_is_plain_and_keys_are_text():
    data = parsed("a: {1: [x, 2, 3.5, true, null, '5']}\ntrue: on\n").data
    assert data == {"a": {"1": ["x", 2, 3.5, True, None, "5"]}, "true": "on"}
    assert type(data) is dict
    assert type(data["a"]["1"]) is list


def test_place_of_a_value_is_that_of_its_key():
    document = parsed("qos: 1\noutputs:\n  - data_stream: a\n    key: b\n")
    assert document.place(("outputs",)) == (2, 1)
    assert document.place(("outputs", 0)) == (3, 5)
    assert document.place(("outputs", 0, "key")) == (4, 5)


def test_place_of_what_is_not_there_is_that_of_the_nearest_above():
    document = parsed("a: 1\nb:\n  - {c: 2}\n")
    assert document.place(("b", 0, "d", "e")) == (3, 5)
    assert document.place(("b", 7)) == (2, 1)
    assert document.place(("a", "x")) == (1, 1)
    assert document.place(()) == (1, 1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: text", (1, 4)),
        ("a: 'text'", (1, 5)),
        ('a: "text"', (1, 5)),
        ("a:\n   text", (2, 4)),
        ("a: |\n  text", (2, 3)),
        ("a: |-  # said\n    text\n    more", (2, 5)),
        ("a: >\n  text\n  more", (2, 3)),
        ("a: |\n\n    text", (2, 5)),
        ("a: |2\n    text", (2, 3)),
        ("\u00e4\u00e4: {a: text}", (1, 9)),
        ("a: &anchor text", (1, 12)),
        ("a: &anchor 'text'", (1, 13)),
        ("a: |\nb: 1", (2, 1)),
    ],
)
def test_values_own_text_begins_after_quotes_and_block_marks(text, place):
    path = ("\u00e4\u00e4", "a") if text.startswith("\u00e4") else ("a",)
    assert parsed(text).value_place(path) == place


def test_caret_falls_on_the_right_character_of_a_block():
    text = "where: |\n    payload.a ==\n      payload.b\n"
    line, column = parsed(text).value_place(("where",))
    first = parsed(text).data["where"].splitlines()[0]
    assert text.splitlines()[line - 1][column - 1 :] == first


def test_problem_names_file_place_and_path():
    document = parsed("outputs:\n  - a b: {x-y: 1}\n")
    assert document.problem(("outputs", 0, "a b", "x-y"), "no") == Problem(
        "file.yaml", 2, 11, "outputs[0]['a b'].x-y", "no"
    )


def test_file_is_read_and_shown_by_the_name_given(tmp_path):
    file = tmp_path / "press.yaml"
    file.write_bytes("\ufeffa: \u00fc\r\nb: 2\r\n".encode())
    document = read_document(file, shown_as="mappings/press.yaml", substitute=False, environ={})
    assert document.data == {"a": "\u00fc", "b": 2}
    assert document.file == "mappings/press.yaml"
    assert document.place(("b",)) == (2, 1)


def test_files_problem_is_a_config_error_about_the_complete_file(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read_document(tmp_path / "none.yaml", shown_as="none.yaml", substitute=False, environ={})
    assert str(caught.value) == "none.yaml: no such file"


def test_references_without_substitution_are_plain_text():
    assert parsed("a: ${B} $${C}", substitute=False).data == {"a": "${B} $${C}"}


def test_values_are_not_in_the_repr():
    assert "hunter2" not in repr(parsed("a: ${B}", {"B": "hunter2"}))
