"""Advice for syntax errors: what to write instead.

Most people who edit a mapping know SQL, Python or JavaScript better than JMESPath, so they write the syntax of these
languages. The tables below list such mistakes.
"""

from __future__ import annotations

import re
from typing import Final

# Table of advice. The keys are words: the word at the position of the error.
_WORDS: Final = {
    "and": "write && for 'and'",
    "or": "write || for 'or'",
    "is": "write == to compare, as in: payload.a == `null`",
    **dict.fromkeys(("in", "contains"), "write contains(list, value)"),
    **dict.fromkeys(("like", "matches", "regexp"), "write regex_match(text, '^press')"),
    **dict.fromkeys(("if", "then", "else", "elif"), "write condition ? a : b"),
    "between": "write (a >= 0 && a <= 100)",
    "mod": "write % for the remainder",
    "as": "an object names its values: {name: value}",
}
_COMMENTS: Final = "an expression has no comments; write a YAML comment above it"
# Table of advice. The keys are characters: the character at the position of the error.
_SIGNS: Final = {
    "=": "'==' tests for equality, '!=' for inequality",
    "$": "a variable has a name: the payload is $payload",
    "<": "'!=' tests for inequality",
    ">": "'!=' tests for inequality",
    "&": "write && for 'and'",
    "^": "write power(base, exponent)",
    ";": "an expression has no statements: `let $name = value in expression` names a value",
    "#": _COMMENTS,
    "'": "write a name in double quotes, or without quotes",
}
_NUMBERS: Final = "a number is written in decimal, such as 5, -1.5 or 1e3"
_MEMBER: Final = 'a member is written .name, or ."name" in double quotes'
_EACH: Final = "map(&name, list) evaluates an expression for each element"

# Each entry has two patterns and an advice. The first pattern matches the end of the text before the error. The second
# pattern matches the text from the error on. There is no blank between these two texts.
_ADJOINING: Final = (
    (r"(?<![\w.\"])\d[\d.]*", r"\w", _NUMBERS),
    (r"\b[A-Za-z]", r"'", "format('{}-{}', a, b) writes values into a text"),
)

# Like _ADJOINING, but there may be blanks between the two texts. The first entry that matches is used.
_SEPARATE: Final = (
    (r"\*\*", r"", "write power(base, exponent)"),
    (r"\?", r"\?", "not_null(a, b) is the first value that is not null"),
    (r"\?", r"[.\[]", "remove the ?, because a member of null is null"),
    (r",", r"[\])}]", "remove the comma before it"),
    (r"[^\[\w.,-]\d+", r",\s*\d", "a decimal point is written '.'"),
    (r"\[-?\d+", r",", "several elements are written [list[0], list[1]]"),
    (r"/\*", r"", _COMMENTS),
    (r"\bnot", r"[A-Za-z_(\"]", "write ! for 'not'"),
    (r"\blet", r"[A-Za-z_]", "a variable begins with $: `let $name = value in expression`"),
    (r"\bif(?:\s*\([^()]*\))?", r"", "write if(condition, a, b), or condition ? a : b"),
    (r"\[", r"[A-Za-z_\"'`]", _MEMBER),
    (r"-", r">", _MEMBER),
    (r"", r"::", _MEMBER),
    (
        r"\[|\.",
        r"\$[A-Za-z_]",
        "for an element, write slice(a, $i, $i + 1)[0]; for a member, items(a)[?[0] == $name] | [0][1]",
    ),
    (r"\{", r"\{", "braces make an object, {name: value}; write an expression without braces"),
    (r"\breturn", r"", "an expression has no `return`"),
    (r"\A", r"=", "an expression begins without '='"),
    (
        r"\b(?:len|length|round|abs|sum|avg|min|max|upper|lower|to_number)",
        r"\w",
        "write the arguments in parentheses: f(a)",
    ),
    (r"", r"not\s+in\b", "write !contains(list, value)"),
    (r"", r"=>", _EACH),
    (r"", r"\$\{", "a mapping has no ${...}, which is for bridge.yaml only; the payload is $payload"),
    (r"", r"\.\d", _NUMBERS),
    (r"\.", r"\(", f"{_EACH}, even with operators or `let`"),
)

# The tables _ADJOINING and _SEPARATE with compiled patterns.
_PAIRS: Final = [
    [(re.compile(rf"{before}\Z"), re.compile(at), text) for before, at, text in table]
    for table in (_ADJOINING, _SEPARATE)
]
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_NUMBER: Final = re.compile(r"-?\d[\d.]*")


def advice(text: str, offset: int) -> str:
    """Return advice for an error at `offset`, or "" if no table has advice."""
    before = text[:offset]
    for beginning, pairs in zip((before, before.rstrip()), _PAIRS, strict=True):
        for ending, at, found in pairs:
            if ending.search(beginning) and at.match(text, offset):
                return found
    word, number = _WORD.match(text, offset), _NUMBER.match(text, offset)
    if number and before.rstrip().endswith("."):
        return f'write a name that begins with a digit in double quotes: "{number[0]}"'
    return _WORDS.get(word[0], "") if word else _sign(text[offset : offset + 2])


def _sign(text: str) -> str:
    """Return advice for the sign at the beginning of `text`, or "" if the table has no advice."""
    # The advice for `$` is about a `$` without a name. It would be wrong for a variable in the wrong position: `a $b`.
    return "" if re.match(r"\$[A-Za-z_]", text) else _SIGNS.get(text[:1], "")
