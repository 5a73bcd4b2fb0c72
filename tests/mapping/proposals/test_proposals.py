"""For any traffic, the proposals pass the real check. Each topic belongs to one mapping, or is reported."""

import gzip

import cbor2
import msgpack
import pytest
import zstandard

from bridge.mapping.proposals.proposals import propose
from bridge.payloads.compression import compress
from tests.mapping.proposals.checking import checked, observed


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
        (b'{"ts": 1, "t": 21.5}\n{"ts": 2, "t": 22}\n', "json_lines"),
        (b'{"t": 1}{"t": 2}', "json_lines"),
        (b"weather,site=pdx temperature=21.5,count=7i 1700000000000000000", "line_protocol"),
        (b"m f=1\nm f=2\n", "line_protocol"),
        (b'<reading id="7"><temperature unit="C">21.5</temperature></reading>', "xml"),
        ('{"t": 1}'.encode("utf-16"), "json"),
        (b'{"t": 1}\0', "json"),
        (msgpack.packb({"a": 1, "b": [1, 2]}), "msgpack"),
        (cbor2.dumps({"a": 1, "b": 2.5}), "cbor"),
        (b"\x00\x01\xff\xfe", "bytes"),
        (b"\x00\x01", "bytes"),
    ],
)
def test_payload_kind_is_detected_and_the_mapping_passes_check(payload, kind):
    assert only(("plant/press07/data", payload)).kind.payload == kind


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("gzip", gzip.compress(b'{"a": 1}', mtime=0)),
        ("zstd", zstandard.ZstdCompressor().compress(b'{"a": 1}')),
        ("zlib", compress("zlib", b'{"a": 1}')),
        ("deflate", compress("deflate", b'{"a": 1}')),
    ],
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


def test_proposed_record_has_the_fields_of_topic_and_payload():
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
def test_topic_without_a_proposal_is_named_with_the_reason(topic, payload, why):
    found, left = propose(observed((topic, payload)), "s")
    assert found == []
    ((named, reason),) = left
    assert named == topic
    assert why.replace("\\", "") in reason


def test_level_in_braces_gets_no_wildcard_that_matches_more_topics():
    found, left, _ = checked(observed(("{x}", b"null"), ("a", b"RUN")))
    assert ([each.topic for each in found], left) == (["a"], [("{x}", "no mapping could be made of it")])


def test_topics_beyond_the_bound_are_counted(monkeypatch):
    monkeypatch.setattr("bridge.mapping.proposals.proposals.MAX_TOPICS", 2)
    seen = observed(("a", b"1"), ("b", b"1"), ("c", b"1"))
    assert (len(seen.samples), seen.others) == (2, 1)
