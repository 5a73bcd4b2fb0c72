import json
import math
import struct

import cbor2
import msgpack
import pytest

from bridge.errors import TransformError
from bridge.mapping.stateful.change_filter import Deadband, differ
from bridge.mapping.stateful.stored_values import key_text, numbers
from tests.mapping.builders import applied, mapping, message
from tests.payloads.sparkplug.wire import DOUBLE, metric, payload

BEGIN_MS = 1_700_000_000_000
TRANSFORMS = {"mean": "{mean: sample.mean, min: sample.min, max: sample.max}", "min_max": "payload"}


def results(made, *payloads, topic="t"):
    """Return the numbers of records and rejections of messages that arrive a second apart."""
    mapped = [
        applied(made, message(each, topic=topic, received_at_ms=BEGIN_MS + number * 1000))
        for number, each in enumerate(payloads)
    ]
    return [(len(each.drafts), [rejection.code for rejection in each.rejections]) for each in mapped]


@pytest.mark.parametrize(
    ("keep", "shown"),
    [("mean", [{"mean": 21.2, "min": 21.0, "max": 21.4}]), ("min_max", ["21.0", "21.4"])],
)
def test_sample_with_nan_in_a_span_rejects_only_that_message(keep, shown):
    made = mapping(
        payload="text",
        sample={"every_secs": 6, "keep": keep, "value": "to_number(payload)"},
        transform=TRANSFORMS[keep],
    )
    begin_ms = BEGIN_MS // 6000 * 6000
    codes = []
    for number, each in enumerate((b"21.0", b"nan", b"21.2", b"21.4")):
        mapped = applied(made, message(each, received_at_ms=begin_ms + number))
        codes.append([rejection.code for rejection in mapped.rejections])
    assert codes == [[], ["transform"], [], []]
    released = [json.loads(each.data) for each in made.stateful.release_ended(begin_ms + 6000)]
    if keep == "mean":
        assert {name: round(value, 9) for name, value in released[0].items()} == shown[0]
    else:
        assert released == shown


@pytest.mark.parametrize("keep", ["mean", "min_max"])
@pytest.mark.parametrize("value", [b"null", b'"nan"', b"true", b"[1]"])
def test_sample_with_a_value_that_is_no_number_rejects_only_that_message(keep, value):
    made = mapping(sample={"every_secs": 60, "keep": keep, "value": "payload"}, transform=TRANSFORMS[keep])
    assert results(made, b"1", value, b"2") == [(0, []), (0, ["transform"]), (0, [])]


def test_sample_with_a_sum_beyond_a_float_rejects_only_that_message():
    made = mapping(sample={"every_secs": 60, "keep": "mean", "value": "payload"}, transform="sample.mean")
    assert results(made, b"1.7e308", b"1.7e308", b"1.0") == [(0, []), (0, ["transform"]), (0, [])]
    assert [json.loads(each.data) for each in made.stateful.release_ended(BEGIN_MS + 600_000)] == [8.5e307]


def single(value):
    return struct.pack(">f", value)


@pytest.mark.parametrize(
    ("decoder", "value", "encode"),
    [
        ("text", "to_number(payload)", lambda number: repr(number).encode()),
        ("cbor", "payload", cbor2.dumps),
        ("msgpack", "payload", msgpack.packb),
        ("bytes", "bytes_to_float(payload)", single),
    ],
)
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_changes_to_and_from_a_non_number_are_changes(decoder, value, encode, odd):
    made = mapping(payload=decoder, changes={"value": value, "deadband": 5}, transform="`1`")
    sent = [drafts for drafts, _ in results(made, *map(encode, (21.0, odd, odd, 21.2, 21.4)))]
    assert sent == [1, 1, 0, 1, 0]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_changes_of_a_sparkplug_metric_to_a_non_number_are_changes(odd):
    payloads = [
        payload(metric("T", value, datatype=DOUBLE), seq=seq) for seq, value in enumerate((21.0, odd, odd, 21.2, 21.4))
    ]
    topics = ["spBv1.0/g/NBIRTH/n"] + ["spBv1.0/g/NDATA/n"] * 4
    # The key is fixed, so that birth and data are compared with each other.
    made = mapping(
        topic="spBv1.0/#",
        payload="sparkplug_b",
        changes={"key": "'one'", "value": "payload.metrics.T.value", "deadband": 5},
        transform="`1`",
    )
    sent = [len(applied(made, message(each, topic=topic)).drafts) for each, topic in zip(payloads, topics, strict=True)]
    assert sent == [1, 1, 0, 1, 0]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_differ_compares_a_non_number_as_null(odd):
    assert differ(21.0, odd, Deadband(1e300))
    assert differ([21.0], [odd], Deadband(1e300))
    assert differ({"a": 21.0}, {"a": odd}, {"a": Deadband(1e300)})
    assert not differ(None, odd)


@pytest.mark.parametrize(
    ("key", "text"), [("é", "é"), (7, "7"), (1.5, "1.5"), (True, "true"), (2**64 - 1, "18446744073709551615")]
)
def test_key_text_of_a_scalar_is_its_text(key, text):
    assert key_text("changes.key", key) == text


@pytest.mark.parametrize("key", [None, [1], {}, math.nan, math.inf, 2**64, -(2**63) - 1, "\ud800"])
def test_key_text_of_what_a_database_cannot_hold_is_an_error(key):
    with pytest.raises(TransformError, match=r"changes\.key: returned "):
        key_text("changes.key", key)


@pytest.mark.parametrize("value", [None, True, "1", [1], math.nan, -math.inf, 2**64, {"a": 1, "b": math.nan}])
def test_numbers_of_anything_else_is_an_error(value):
    with pytest.raises(TransformError, match=r"sample\.value: returned .*; expected a number"):
        numbers("sample.value", value)
