"""Types of unquoted YAML values by YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema).

There is one exception: a number with a leading zero (`007`) is text, because YAML parsers disagree on its value.
"""

from __future__ import annotations

import math
import re

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_BASED = re.compile(r"0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}", re.ASCII)
_BEGINS_A_NUMBER = frozenset("+-.0123456789")
# Python refuses to convert an integer of more than 4,300 digits, because the conversion takes quadratic time. No option
# needs more than 40 digits.
_MAX_INT_CHARS = 40


def resolve(text: str) -> str | float | bool | None:
    """Return the value of an unquoted text: None, a boolean or a number. Return any other text unchanged.

    An integer of more than 40 characters becomes a float.
    """
    if text in _WORDS:
        return _WORDS[text]
    # Most values are text. This check of the first character is faster than the patterns of numbers.
    if text[0] not in _BEGINS_A_NUMBER:
        return text
    if len(text) <= _MAX_INT_CHARS and _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text
