"""Trees of short expressions, and the errors of faulty ones."""

import pytest

from bridge.mapping.expressions.syntax.parser import Parser
from bridge.mapping.expressions.syntax.token_reader import ParserError


def tree(text):
    return Parser(text).parse()


def shape(node):
    """Return a tree as nested tuples: the type, the value if there is one, and the children."""
    value = (node["value"],) if "value" in node else ()
    return (node["type"], *value, *(shape(each) if isinstance(each, dict) else each for each in node["children"]))


def failure(text):
    """Return the offset of the token at which the parser fails, the expected kinds, and the message."""
    with pytest.raises(ParserError) as caught:
        tree(text)
    return caught.value.token.start, caught.value.expected, caught.value.message
