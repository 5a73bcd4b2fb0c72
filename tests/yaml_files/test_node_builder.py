import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.yaml_files import node_builder
from bridge.yaml_files.node_builder import MAX_DEPTH
from tests.yaml_files.read import parsed


def problems(text):
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    return str(caught.value).replace("file.yaml:", "").strip().splitlines()


def test_duplicate_keys_are_shown_with_both_places():
    assert problems("a: 1\nb: 2\na: 3\n") == ["3:1: duplicate key 'a': first at line 1, column 1"]


def test_duplicate_keys_differ_in_writing_only():
    assert problems("{1: a, '1': b}") == ["1:8: duplicate key '1': first at line 1, column 2"]


def test_problems_of_structure_come_all_at_once():
    found = problems("a: 1\na: 2\nb: !tag x\n? [c]\n: d\n: e\n")
    assert [line.split(": ")[0] for line in found] == ["2:1", "3:4", "4:3", "6:1"]


def test_text_in_braces_that_is_no_text_is_explained():
    assert "must be in quotes" in problems("a: {{ name }}")[0]


def test_alias_stands_for_its_anchors_value():
    data = parsed("a: &x {k: [1]}\nb: *x\n").data
    assert data == {"a": {"k": [1]}, "b": {"k": [1]}}
    assert data["a"] is not data["b"]


def test_alias_may_be_a_key():
    assert parsed("- &x name\n- {*x : 1}\n").data == ["name", {"name": 1}]


def test_merge_keys_are_refused_with_what_to_write():
    refused = "merge keys ('<<') are not supported: write out the keys that it stands for"
    assert problems("a: &a {x: 1}\nb: {<<: *a, y: 2}") == [f"2:5: {refused}"]
    assert problems("a: {<<: 5, <<: 6}") == [f"1:5: {refused}", f"1:12: {refused}"]


def test_quoted_merge_marks_are_text():
    assert parsed("'<<': 5").data == {"<<": 5}


def test_aliases_that_multiply_are_stopped_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert problems("\n".join(lines)) == ["5:45: up to this alias ('*'), aliases stand for more than 100,000 values"]


@given(st.integers(0, 20), st.integers(1, 5), st.integers(0, 40))
def test_aliases_stand_for_values_up_to_the_limit(aliases, items, limit):
    text = f"- &a [{', '.join('x' * items)}]\n" + "- *a\n" * aliases
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(node_builder, "MAX_ALIASED_VALUES", limit)
        if aliases * (items + 1) <= limit:
            assert parsed(text).data == [["x"] * items] * (aliases + 1)
        else:
            assert f"aliases stand for more than {limit} values" in problems(text)[0]


def test_alias_inside_its_own_anchor_is_refused():
    assert problems("a: &a [1, *a]") == ["1:11: an alias ('*') inside its own anchor ('&'): it would never end"]


def test_unknown_alias_is_not_shown_as_it_may_be_a_password():
    [problem] = problems("password: *hunter2")
    assert problem == "1:11: an alias ('*') without its anchor ('&'); text that begins with '*' must be in quotes"


@given(st.integers(1, 100))
def test_depth_is_limited(levels):
    text = "[" * levels + "]" * levels
    if levels <= MAX_DEPTH == 64:
        assert parsed(text).data == orjson.loads(text)
    else:
        assert problems(text) == ["1:65: nested deeper than 64 levels"]


def test_depth_by_aliases_is_limited():
    half = "[" * 40 + "]" * 40
    assert problems(f"- &a {half}\n- {'[' * 30}*a{']' * 30}\n") == [
        "2:33: with this alias ('*'), the file is nested deeper than 64 levels"
    ]


def test_second_document_is_refused():
    found = problems("---\na: 1\n---\nb: 1\n")
    assert found == ["3:1: a second document begins here ('---'); a file may contain only one"]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "null\n", "~"])
def test_empty_file_is_a_problem(text):
    assert problems(text) == ["the file is empty: nothing is set in it"]


def test_surrogates_are_joined_as_in_json():
    assert parsed(r'a: "\ud83d\ude00"').data == {"a": "\U0001f600"}


def test_surrogate_alone_is_a_problem():
    assert problems(r'a: "\ud83d"')[0].startswith("1:4: half a character")


def test_number_beyond_all_bounds_is_a_problem():
    assert problems("a: " + "9" * 400)[0].startswith("1:4: a number that is too large")
    assert parsed("a: .inf").data == {"a": float("inf")}
