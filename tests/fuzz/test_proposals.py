import gzip
import json

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from bridge.payloads.compression import compress
from tests.mapping.proposals.checking import checked, observed

LEVELS = st.one_of(
    st.sampled_from(["", "a", "b", "line1", "line2", "{x}", "{", "+", "#", "$SYS", "$share", "spBv1.0", "NBIRTH", "1"]),
    st.text(max_size=5),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
PAYLOADS = st.one_of(
    JSON.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")),
    JSON.map(cbor2.dumps),
    st.binary(max_size=12),
    st.binary(max_size=12).map(gzip.compress),
    st.text(max_size=12).map(lambda text: compress("zlib", text.encode("utf-8", "replace"))),
    st.lists(JSON.map(json.dumps), max_size=3).map(lambda lines: "\n".join(lines).encode()),
    st.sampled_from([b"m,a=b f=1i 5", b"m f=1", b"<a><b>1</b></a>", b"<a", b"m f=", b'<a>{"a": 1}</a>']),
    st.text(max_size=12).map(lambda text: text.encode("utf-8", "replace")),
    st.lists(st.lists(st.integers(0, 99), min_size=2, max_size=2), min_size=1, max_size=3).map(
        lambda rows: "\n".join(",".join(map(str, row)) for row in rows).encode()
    ),
)
TRAFFIC = st.lists(st.tuples(st.lists(LEVELS, min_size=1, max_size=4).map("/".join), PAYLOADS), max_size=6)


@given(TRAFFIC)
def test_proposals_for_any_traffic_pass_check(traffic):
    seen = observed(*traffic)
    _, left, routes = checked(seen)
    named = {topic for topic, _ in left}
    for topic in seen.samples:
        if topic in named:
            continue
        ((mapping, captures),) = routes.match(topic.encode()).targets
        if mapping.specification.payload == "sparkplug_b":
            continue
        for message in seen.samples[topic]:
            assert not mapping.apply(message, captures, topic.split("/")).rejections
