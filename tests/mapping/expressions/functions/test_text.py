import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import compile_expression
from bridge.mapping.expressions.functions import format as template
from bridge.mapping.expressions.functions import standard, text
from bridge.mapping.expressions.functions.function import MAX_TEXT_CHARS
from bridge.mapping.expressions.functions.text import MAX_PARTS
from tests.mapping.expressions.functions.failing import failure


def search(text, **scope):
    return compile_expression(text).search(scope)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("upper('größe')", "GRÖSSE"),
        ("trim(' \n a b\t')", "a b"),
        ("trim('xxaxx', 'x')", "a"),
        ("split('a,b,,c', ',')", ["a", "b", "", "c"]),
        ("split('', ',')", [""]),
        ("split('a,b,c', ',', `0`)", ["a,b,c"]),
        ("replace('aaa', 'a', 'b')", "bbb"),
        ("replace('abc', 'b', '')", "ac"),
        ("pad('abc', `2`)", "abc"),
        ("pad('7', `3`)", "  7"),
        ("pad(`-1.5`, `6`, '0')", "00-1.5"),
        ("pad('ab', `4`, '.', 'right')", "ab.."),
    ],
)
def test_text_functions(text, result):
    assert search(text) == result


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("split(a, '')", "separator is empty"),
        ("split(a, ',', `1.5`)", "whole number"),
        ("replace(a, '', 'x')", "text to replace is empty"),
        ("pad(a, `257`)", "from 0 to 256"),
        ("pad(a, `-1`)", "from 0 to 256"),
        ("pad(a, `3`, 'xy')", "one character"),
        ("pad(a, `3`, 'x', 'middle')", "'left' or 'right'"),
    ],
)
def test_text_function_with_invalid_arguments_is_an_error(text, reason):
    assert reason in failure(text, a="abc")


def test_replacement_cannot_explode():
    long = "a" * 5000
    assert f"longer than {MAX_TEXT_CHARS} characters" in failure("replace(a, 'a', a)", a=long)
    assert len(search("replace(a, 'a', 'bb')", a=long)) == 10_000


def test_join_cannot_explode():
    assert f"longer than {MAX_TEXT_CHARS} characters" in failure("join(a, b)", a="x" * 5000, b=["y"] * 5000)


def test_split_cannot_explode():
    long = "," * MAX_PARTS
    assert f"more than {MAX_PARTS:,} parts" in failure("split(a, ',')", a=long + ",")
    assert len(search("split(a, ',', `3`)", a=long)) == 4
    assert len(search("split(a, ',')", a=long[1:])) == MAX_PARTS


@given(st.integers(1, 9), st.integers(2, 9), st.integers(1, 40))
def test_created_text_has_characters_up_to_the_limit(parts, characters, limit):
    texts = ["x" * characters] * parts
    calls = {
        "join('', t)": {"t": texts},
        f"format('{'{}' * parts}', {', '.join(['t'] * parts)})": {"t": texts[0]},
        "replace(t, 'y', n)": {"t": "y" * parts, "n": texts[0]},
    }
    with pytest.MonkeyPatch.context() as patched:
        for module in (text, standard, template):
            patched.setattr(module, "MAX_TEXT_CHARS", limit)
        for call, scope in calls.items():
            if parts * characters <= limit:
                assert search(call, **scope) == "".join(texts)
            else:
                with pytest.raises(TransformError, match=f"longer than {limit} characters"):
                    search(call, **scope)


@given(st.integers(1, 40), st.integers(1, 40))
def test_split_returns_parts_up_to_the_limit(parts, limit):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(text, "MAX_PARTS", limit)
        if parts <= limit:
            assert search("split(a, ',')", a="," * (parts - 1)) == [""] * parts
        else:
            with pytest.raises(TransformError, match=f"more than {limit} parts"):
                search("split(a, ',')", a="," * (parts - 1))
