"""The functions of the expression language. `FUNCTIONS` contains all of them.

To add a function, add a `Function` to the tuple at the end of its family's module.

    function.py               `Function`, which declares a function and its documentation
    standard.py               JMESPath
    expression_arguments.py   functions with an `&` expression: map, sort_by, ...
    arithmetic.py             numbers
    text.py                   texts
    format.py                 format()
    regex.py                  regular expressions
    time.py                   times
    conditional.py            if() and lookup()
    lists.py                  conversion between lists and objects
    hashing.py                hash() and uuid5()
    binary.py                 words and bytes of PLCs
    decoding.py               from_json(), from_base64(), unpack(), ...
    suggestions.py            advice for names of functions that do not exist
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions.functions.arithmetic import ARITHMETIC
from bridge.mapping.expressions.functions.binary import BINARY
from bridge.mapping.expressions.functions.conditional import CHOICE
from bridge.mapping.expressions.functions.decoding import DECODING
from bridge.mapping.expressions.functions.expression_arguments import BY_EXPRESSION, GROUPING
from bridge.mapping.expressions.functions.format import FORMAT
from bridge.mapping.expressions.functions.hashing import IDENTITY
from bridge.mapping.expressions.functions.lists import CONVERSIONS, LISTS
from bridge.mapping.expressions.functions.regex import REGEX
from bridge.mapping.expressions.functions.standard import STANDARD
from bridge.mapping.expressions.functions.text import COMMUNITY_TEXT, TEXT
from bridge.mapping.expressions.functions.time import TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.mapping.expressions.functions.function import Function

FAMILIES: Final[Mapping[str, tuple[Function, ...]]] = MappingProxyType(
    {
        "JMESPath": (*STANDARD, *BY_EXPRESSION),
        "JMESPath Community": (*CONVERSIONS, *GROUPING, *COMMUNITY_TEXT),
        "Arithmetic": ARITHMETIC,
        "Text": (*TEXT, FORMAT, *REGEX),
        "Time": TIME,
        "Choice": CHOICE,
        "Lists": LISTS,
        "Identity": IDENTITY,
        "Words and bytes": BINARY,
        "Decoding": DECODING,
    }
)
"""Functions by family, in the order of the documentation."""

SPECIFIED: Final[frozenset[str]] = frozenset(function.name for function in FAMILIES["JMESPath"])
"""Names of the functions in the JMESPath specification."""

COMMUNITY: Final[frozenset[str]] = frozenset(function.name for function in FAMILIES["JMESPath Community"])
"""Names of the functions that only the JMESPath Community specification has."""

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {function.name: function for family in FAMILIES.values() for function in family}
)
