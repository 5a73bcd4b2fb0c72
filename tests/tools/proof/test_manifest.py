import orjson
import pytest

from bridge.tools.proof.manifest import QueueId, parse_manifest
from tests.tools.proof.manifests import AT, SPOOL, fields, manifest


def test_manifest_of_the_bridge_is_read():
    found = parse_manifest(manifest(5, 9, **{"except": [{"first": 7, "last": 7, "reason": "dropped"}]}))
    assert (found.queue, found.first, found.last, found.excluded, found.at) == (QueueId(SPOOL, 1), 5, 9, ((7, 7),), AT)
    assert isinstance(found.checksum, int)


def test_manifest_names_the_region_and_role_of_its_stream():
    stream = "archive packing=kpl region=eu-west-1 role_arn=arn:aws:iam::1:role/r"
    found = parse_manifest(manifest(stream=stream)).destination
    assert (found.data_stream, found.region, found.role_arn) == ("archive", "eu-west-1", "arn:aws:iam::1:role/r")


@pytest.mark.parametrize(
    "change",
    [
        *({name: value} for name in ("first", "last", "queue") for value in ("1", 1.5, -1, True, None, 1 << 48, [])),
        {"first": 50, "last": 1},
        {"manifest": 2},
        {"manifest": True},
        *({"stream": value} for value in (None, 1, "", "a colour=red", "a" * 5000)),
        *({"bridge": value} for value in (None, 1, "")),
        *({"spool": value} for value in (None, 1, "xyz", "0000000A")),
        *({"at": value} for value in (None, 5, "yesterday")),
        *({"checksum": value} for value in (None, 5, "", "zz", "0" * 15, "0" * 18)),
        *({"except": value} for value in (None, {}, "x", [1], [{}], [{"first": 1}], [{"first": 3, "last": 2}])),
        *({"except": [{"first": low, "last": high}]} for low, high in ((0, 1), (1, 11), ("1", 2), (1.0, 2))),
        {"since": 2},
    ],
)
def test_record_with_an_invalid_field_is_no_manifest(change):
    assert parse_manifest(orjson.dumps(fields(**change))) is None


@pytest.mark.parametrize("name", [name for name in fields() if name != "since"])
def test_record_without_a_field_is_no_manifest(name):
    made = fields()
    del made[name]
    assert parse_manifest(orjson.dumps(made)) is None


@pytest.mark.parametrize("data", [b"", b"[]", b"1", b"null", b"\xff", b'"x"', b"[" * 1000])
def test_record_of_another_kind_is_no_manifest(data):
    assert parse_manifest(data) is None


def test_excluded_records_are_counted_by_reason():
    spans = [("dropped", 1, 2), ("no envelope", 4, 4), ("dropped", 6, 6), ("x" * 99, 7, 7), (["y"], 8, 8)]
    found = parse_manifest(
        manifest(**{"except": [{"first": low, "last": high, "reason": why} for why, low, high in spans]})
    )
    assert found.reasons == (("dropped", 3), ("no envelope", 1), ("other", 2))


def test_excluded_spans_that_overlap_are_joined():
    spans = [{"first": 5, "last": 6}, {"first": 2, "last": 3}, {"first": 3, "last": 5}, {"first": 9, "last": 9}]
    assert parse_manifest(manifest(**{"except": spans})).excluded == ((2, 6), (9, 9))
