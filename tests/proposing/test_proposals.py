"""Whatever arrives, what is proposed passes the real check, and each topic goes to one mapping or is named."""

import contextlib
import gzip
import io
import json
import tempfile
from pathlib import Path

import cbor2
import msgpack
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.cli.check import check_all
from bridge.mapping.loader import load_folder
from bridge.mapping.routes import Routes
from bridge.model import Message
from bridge.proposing.bridge_text import bridge_text
from bridge.proposing.proposals import Observed, propose

ANSWERS = {"mqtt.url": "mqtt://127.0.0.1:1", "mqtt.client_id": "x", "kinesis.region": "us-east-1"}
NOW_MS = 1_700_000_000_123


def observed(*messages):
    seen = Observed()
    for topic, payload in messages:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        seen.add(Message(topic, raw, 1, False, NOW_MS, {}))
    return seen


def checked(seen):
    """The proposals as files that the real check has passed; gives (proposals, what is left, routes)."""
    found, left = propose(seen, "telemetry")
    if not found:
        return found, left, Routes([])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "mappings").mkdir()
        (folder / "bridge.yaml").write_text(bridge_text(ANSWERS), encoding="utf-8")
        for each in found:
            (folder / "mappings" / f"{each.name}.yaml").write_text(each.text, encoding="utf-8")
        told = io.StringIO()
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            code = check_all(folder / "bridge.yaml")
        assert code == 0, told.getvalue() + "\n".join(each.text for each in found)
        assert f"{len(found)} test" in told.getvalue()
        loaded = load_folder(folder / "mappings", {})
    return found, left, Routes(loaded.mappings.values())


def only(*messages):
    (found,), left, _ = checked(observed(*messages))
    assert left == []
    return found


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"ts": 1, "t": 21.5}, "json"),
        (b'[{"a": 1}, {"a": 2}]', "json"),
        (b"[1, 2]", "json"),
        (b"true", "json"),
        (b"21.5", "number"),
        (b" +3.50", "number"),
        (b"RUN", "text"),
        ("größe: 'x' {y} #z".encode(), "text"),
        (b"ts,temp\n1,20.5\n2,21\n", "csv"),
        (b"1;2;3\n4;5;6", "csv"),
        (msgpack.packb({"a": 1, "b": [1, 2]}), "msgpack"),
        (cbor2.dumps({"a": 1, "b": 2.5}), "cbor"),
        (b"\x00\x01\xff\xfe", "bytes"),
        (b"\x00\x01", "bytes"),
    ],
)
def test_the_kind_of_payload_is_recognised_and_what_is_written_passes_check(payload, kind):
    assert only(("plant/press07/data", payload)).kind.payload == kind


@pytest.mark.parametrize(
    ("name", "payload"),
    [("gzip", gzip.compress(b'{"a": 1}', mtime=0)), ("zstd", zstandard.ZstdCompressor().compress(b'{"a": 1}'))],
)
def test_compressed_payloads_are_seen_through(name, payload):
    kind = only(("a/b", payload)).kind
    assert (kind.compression, kind.payload) == (name, "json")


def test_topics_that_are_compressed_now_and_then_are_read_either_way():
    assert only(("a/b", gzip.compress(b"{}")), ("a/b", {"a": 1})).kind.compression == "auto"


def test_edge_nodes_of_sparkplug_share_one_mapping():
    found = only(("spBv1.0/g/NBIRTH/n", b"\x08\x01"), ("spBv1.0/g/DDATA/n/d", b"\x08\x02"))
    assert (found.kind.payload, found.topic) == ("sparkplug_b", "spBv1.0/{group}/{type}/{node}/{device...}")


def test_levels_that_vary_are_captured_by_their_names_and_words_stay():
    seen = [
        (f"factory/{site}/{line}/{machine}/{word}", payload)
        for site in ("pdx", "muc")
        for line in ("line3", "line4")
        for machine in ("press07", "oven2")
        for word, payload in (("telemetry", {"ts": 1}), ("state", b"RUN"))
    ]
    found, left, _ = checked(observed(*seen))
    assert {each.topic for each in found} == {
        "factory/{site}/{line}/{machine}/telemetry",
        "factory/{site}/{line}/{machine}/state",
    }
    assert ({each.name for each in found}, left) == ({"factory-telemetry", "factory-state"}, [])


def test_what_a_record_is_made_of_comes_from_topic_and_payload():
    text = only(("factory/line3/press07/telemetry", {"temperature": 21.5})).text
    assert "merge(captures, {received_at: received_at}, payload)" in text
    assert "data: {line: line3, machine: press07, received_at:" in text
    assert "partition_key_from: captures.machine" in text


@pytest.mark.parametrize(
    ("topic", "payload", "why"),
    [
        ("$share/x/y", b"1", "share"),
        ("$queue/x", b"1", "share"),
        ("a/+", b"1", "wildcards"),
        ("a/b", b"", "no whole payload"),
        ("spBv1.0/g/NDATA/n", b"", "no whole payload"),
        ("a\0b", b"1", "U\\+0000"),
    ],
)
def test_what_no_mapping_can_be_for_is_named_with_the_reason(topic, payload, why):
    found, left = propose(observed((topic, payload)), "s")
    assert found == []
    ((named, reason),) = left
    assert named == topic
    assert why.replace("\\", "") in reason


def test_a_level_in_braces_gets_no_wildcard_that_would_take_in_other_topics():
    found, left, _ = checked(observed(("{x}", b"null"), ("a", b"RUN")))
    assert ([each.topic for each in found], left) == (["a"], [("{x}", "no mapping could be made of it")])


def test_topics_beyond_the_bound_are_counted(monkeypatch):
    monkeypatch.setattr("bridge.proposing.proposals.MAX_TOPICS", 2)
    seen = observed(("a", b"1"), ("b", b"1"), ("c", b"1"))
    assert (len(seen.samples), seen.others) == (2, 1)


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
    st.text(max_size=12).map(lambda text: text.encode("utf-8", "replace")),
    st.lists(st.lists(st.integers(0, 99), min_size=2, max_size=2), min_size=1, max_size=3).map(
        lambda rows: "\n".join(",".join(map(str, row)) for row in rows).encode()
    ),
)
TRAFFIC = st.lists(st.tuples(st.lists(LEVELS, min_size=1, max_size=4).map("/".join), PAYLOADS), max_size=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TRAFFIC)
def test_whatever_arrives_what_is_written_passes_check_and_nothing_goes_unnamed(traffic):
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
