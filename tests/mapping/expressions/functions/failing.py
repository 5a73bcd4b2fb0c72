"""Reason of a failed call. It is the same for literals and for values of the message."""

import json
import re

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import ExpressionError, compile_expression

_LITERAL = re.compile(r"`([^`]*)`|('[^']*')")


def failure(text, **scope):
    """The reason. As literals, the mapping does not load or, where that cannot be known, the message fails."""
    values = {}

    def named(literal):
        name = f"literal_{len(values)}"
        values[name] = json.loads(literal[1]) if literal[1] else literal[2][1:-1]
        return name

    reason = _reason(_LITERAL.sub(named, text), {**scope, **values})
    assert reason == _reason(text, scope)
    return reason


def _reason(text, scope):
    try:
        found = compile_expression(text).search(scope)
    except ExpressionError as error:
        return error.message
    except TransformError as error:
        return error.detail
    raise AssertionError(f"{text} gives {found}")
