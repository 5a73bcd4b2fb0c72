"""Functions of the expression language; `FUNCTIONS` has all.

To add one, define a `Function` in the file of its family.
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
"""Functions by family, in the order of the reference."""

SPECIFIED: Final[frozenset[str]] = frozenset(function.name for function in FAMILIES["JMESPath"])
"""Names of the functions of the JMESPath specification."""

COMMUNITY: Final[frozenset[str]] = frozenset(function.name for function in FAMILIES["JMESPath Community"])
"""Names of the functions of the JMESPath Community specification that JMESPath does not have."""

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {function.name: function for family in FAMILIES.values() for function in family}
)
