"""Slightly wrong bytes: a valid example in which some bytes are changed, removed, repeated or moved."""

from hypothesis import strategies as st

TELLING = st.sampled_from([b"\x00", b"\xff", b"\x80", b"\x7f", b"\xc1", b"\x9f", b"\xff\xff\xff\xff", b"\x00" * 8])
_PLACE = st.integers(0, 1 << 20)


def _changes(good):
    return st.one_of(
        st.tuples(st.just("put"), _PLACE, st.binary(min_size=1, max_size=8) | TELLING),
        st.tuples(st.just("insert"), _PLACE, st.binary(min_size=1, max_size=8) | TELLING),
        st.tuples(st.just("remove"), _PLACE, st.integers(1, 64)),
        st.tuples(st.just("double"), _PLACE, st.integers(1, 64)),
        st.tuples(st.just("cut"), _PLACE, st.none()),
        st.tuples(st.just("splice"), _PLACE, st.sampled_from(good)),
    )


def changed(data: bytes, change) -> bytes:
    kind, place, what = change
    at = place % (len(data) + 1)
    before, after = data[:at], data[at:]
    return {
        "put": lambda: before + what + after[len(what) :],
        "insert": lambda: before + what + after,
        "remove": lambda: before + after[what:],
        "double": lambda: before + after[:what] + after,
        "cut": lambda: before,
        "splice": lambda: before + what[at % (len(what) + 1) :],
    }[kind]()


@st.composite
def nearly(draw, *good: bytes) -> bytes:
    """Return one of the valid examples with 1 to 6 changes."""
    data = draw(st.sampled_from(good))
    for change in draw(st.lists(_changes(good), min_size=1, max_size=6)):
        data = changed(data, change)
    return data
