"""Slightly wrong JSON: a valid example with replaced or removed values, or with changed bytes."""

import orjson
from hypothesis import strategies as st

from tests.fuzz.mutation import nearly

TEXTS = ["", "a", "x" * 3000, "\x1b[31m\n\u202e", "-1", "1" * 40, "٣"]
ODD_VALUES = st.sampled_from(
    [None, True, False, 0, -1, -5, 1, 1.5, 2**63, *TEXTS, [], {}, [[]], [{}], {"a": 1}, [None], ["a", 1]]
)


def places(value, path=()):
    """Yield the path of each value inside a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def replaced(value, path, odd, *, remove):
    """Return the value with `odd` at this path, or without the member at this path."""
    if not path:
        return odd
    copy = value.copy()
    if remove and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = replaced(copy[path[0]], path[1:], odd, remove=remove)
    return copy


@st.composite
def nearly_json(draw, good):
    """Draw a valid example as bytes, with 1 to 3 changed values, or with changed bytes."""
    if draw(st.integers(0, 3)) == 0:
        return draw(nearly(orjson.dumps(good), b"null", b"<html>Sign in to the plant network</html>"))
    value = good
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(value))))
        value = replaced(value, path, draw(ODD_VALUES), remove=draw(st.booleans()))
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer has more than 64 bits
        return repr(value).encode()
