import pytest

from bridge.mapping.expressions.expression import compile_expression
from bridge.mapping.expressions.functions import FUNCTIONS
from bridge.mapping.expressions.functions.conditional import EXAMPLE_TABLES
from bridge.mapping.expressions.functions.suggestions import SUGGESTIONS, suggested

WORDS = [word for suggestion in SUGGESTIONS for word in suggestion.words.split()]


@pytest.mark.parametrize("suggestion", SUGGESTIONS, ids=lambda suggestion: suggestion.words)
def test_suggestion_compiles(suggestion):
    compile_expression(suggestion.expression, EXAMPLE_TABLES)


def test_word_of_a_suggestion_is_no_function_and_is_there_once():
    plain = [word.replace("_", "") for word in WORDS]
    assert sorted(plain) == sorted(set(plain))
    assert set(WORDS).isdisjoint(FUNCTIONS)


def test_word_is_found_however_it_is_written():
    assert suggested("toUpper") == suggested("to_upper") == suggested("TOUPPER") == "upper(a) is in upper case"
    assert suggested("nonsense") == ""
