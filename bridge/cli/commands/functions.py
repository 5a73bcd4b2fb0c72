"""Command `functions`: all functions of expressions, or those related to a word."""

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

_NAME_CHARS = 18
_CUTOFF: Final = 0.75
_TRY: Final = (
    "Try a word for what you have or need, such as time, celsius, text, list or hex, or a function of another "
    "language, such as substring; 'mqtt-kinesis functions' lists all"
)
_CALL: Final = re.compile(r"([a-z_0-9]+)\(")
# The beginning of a sentence, up to its first full stop, semicolon or colon outside of parentheses.
_CLAUSE: Final = re.compile(r"(?:\([^)]*\)|[^(.;:]|[.;:](?! |$))*")


def print_functions(word: str) -> int:
    """Print the functions that match the word, or all if it is empty. Return 0, or 1 if none matches."""
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
    """Return the known word that is most similar, after a separator."""
    near = difflib.get_close_matches(word.lower(), [*FUNCTIONS, *BY_WORD], n=1, cutoff=_CUTOFF)
    return f"; did you mean {near[0]}?" if near else "."


def _list() -> Iterator[str]:
    """Yield the lines of all functions, by family, with the first sentence of each."""
    for family, functions in FAMILIES.items():
        yield f"{family}"
        for function in functions:
            clause = _CLAUSE.match(function.summary)
            yield f"  {function.name:<{_NAME_CHARS}}{clause[0] if clause else ''}"
        yield ""
    yield "'mqtt-kinesis functions WORD' shows a function with examples; WORD may be a foreign name, as concat"


def _found(word: str) -> Iterator[Function]:
    """Yield the functions with the word in their names, in the advice for it, or in their descriptions."""
    wanted = word.lower()
    named = [name for name in FUNCTIONS if wanted in name]
    words = [suggestion.expression for suggestion in SUGGESTIONS if wanted in suggestion.words.split()]
    advised = [name for text in [*words, suggested(word)] for name in _CALL.findall(text) if name in FUNCTIONS]
    described = [name for name, function in FUNCTIONS.items() if re.search(rf"\b{re.escape(wanted)}", _prose(function))]
    # If a function has exactly this name, only this function is shown, because others that mention it would hide it.
    names = [wanted] if wanted in FUNCTIONS else dict.fromkeys([*advised, *named, *described])
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
