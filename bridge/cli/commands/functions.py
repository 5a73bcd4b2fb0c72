"""Command `functions`: lists all functions of expressions, or shows the functions that are related to a word."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions.functions import COMMUNITY, FAMILIES, FUNCTIONS, SPECIFIED
from bridge.mapping.expressions.functions.suggestions import BY_WORD, SUGGESTIONS, suggested
from bridge.terminal import HEAD, print_coloured, print_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.mapping.expressions.functions.function import Function

# Width of the column with the names, which must be greater than the longest name.
_NAME_CHARS = 18
# Minimum similarity for "did you mean". With a lower value, the suggested words would have little in common.
_CUTOFF: Final = 0.75
_TRY: Final = (
    "Try a word such as time, celsius, text, list or hex, or the name of a function in another language, such as "
    "substring; 'mqtt-kinesis functions' lists all"
)
# Name of a function that is called in an expression.
_CALL: Final = re.compile(r"([a-z_0-9]+)\(")
# First clause of a description: up to a full stop, semicolon or colon that is not inside parentheses.
_CLAUSE: Final = re.compile(r"(?:\([^)]*\)|[^(.;:]|[.;:](?! |$))*")


def print_functions(word: str) -> int:
    """Print the functions that match the word, or all functions if it is "". Return 1 if none matches, otherwise 0."""
    if not word:
        print_coloured("\n".join(_list()), {r"^\S.*$": HEAD})
        return 0
    advice, found = suggested(word), list(_found(word))
    if not advice and not found:
        print_error(f"functions: no function matches '{word}'{_near(word)} {_TRY}")
        return 1
    lines = [f"{advice}\n"] if advice else []
    for function in found:
        lines += _details(function)
    print_coloured("\n".join(lines).rstrip(), {r"^\S+\(.*$": HEAD})
    return 0


def _near(word: str) -> str:
    """Return "; did you mean NAME?" with the most similar known word, or "." if no word is similar."""
    near = difflib.get_close_matches(word.lower(), [*FUNCTIONS, *BY_WORD], n=1, cutoff=_CUTOFF)
    return f"; did you mean {near[0]}?" if near else "."


def _list() -> Iterator[str]:
    """Yield the name of each family of functions, then a line for each function with the start of its description."""
    for family, functions in FAMILIES.items():
        yield f"{family}"
        for function in functions:
            clause = _CLAUSE.match(function.summary)
            yield f"  {function.name:<{_NAME_CHARS}}{clause[0] if clause else ''}"
        yield ""
    yield (
        "'mqtt-kinesis functions WORD' shows a function with examples. WORD may also be the name of a function in "
        "another language, such as concat"
    )


def _found(word: str) -> Iterator[Function]:
    """Yield the functions that are related to a word, in the order of relevance.

    1. A function with exactly this name. The other functions are omitted then.
    2. Functions in the advice for this word, such as `join` for the word `concat`.
    3. Functions whose name contains the word.
    4. Functions whose description contains a word that begins with this word.
    """
    lowered = word.lower()
    named = [name for name in FUNCTIONS if lowered in name]
    words = [suggestion.expression for suggestion in SUGGESTIONS if lowered in suggestion.words.split()]
    advised = [name for text in [*words, suggested(word)] for name in _CALL.findall(text) if name in FUNCTIONS]
    described = [
        name for name, function in FUNCTIONS.items() if re.search(rf"\b{re.escape(lowered)}", _prose(function))
    ]
    names = [lowered] if lowered in FUNCTIONS else dict.fromkeys([*advised, *named, *described])
    yield from (FUNCTIONS[name] for name in names)


def _prose(function: Function) -> str:
    return f"{function.summary} {function.signature}".lower()


def _details(function: Function) -> Iterator[str]:
    yield function.signature
    yield f"    {function.plain_summary}"
    for expression, result in function.examples:
        yield f"    {expression}  =>  {json.dumps(result, ensure_ascii=False)}"
    yield f"    Defined by {_origin(function)}."
    yield ""


def _origin(function: Function) -> str:
    if function.name in SPECIFIED:
        return "JMESPath"
    return "JMESPath Community" if function.name in COMMUNITY else "this program (an extension)"
