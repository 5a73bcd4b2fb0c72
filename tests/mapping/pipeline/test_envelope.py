import hashlib
import json

import pytest

from bridge.errors import ConfigError
from bridge.mapping.loading.mapping_loader import load_file
from bridge.mapping.pipeline.envelope import content
from bridge.model import SPREAD_KEY_BYTES, UnnumberedEnvelope
from tests.mapping.builders import applied, mapping, message

ENVELOPED = [{"data_stream": "s", "envelope": True}]


def opened(mapped):
    return [json.loads(draft.data) for draft in mapped.drafts]


def test_record_reports_where_it_comes_from():
    made = mapping("press", topic="a/{m}", transform="{v: payload}", outputs=ENVELOPED)
    (record,) = opened(applied(made, message(7, topic="a/b")))
    assert list(record) == ["id", "received_at", "mapping", "version", "topic", "data"]
    assert record | {"id": ""} == {
        "id": "",
        "received_at": "2023-11-14T22:13:20.123Z",
        "mapping": "press",
        "version": "",
        "topic": "a/b",
        "data": {"v": 7},
    }


def test_id_waits_for_the_spool_to_give_it():
    made = mapping(transform="payload", each=True, outputs=ENVELOPED * 2)
    drafts = applied(made, message([1, 2, 3])).drafts
    assert {type(draft.data) for draft in drafts} == {UnnumberedEnvelope}
    assert {record["id"] for record in opened(applied(made, message([1])))} == {"00000000-0000-000000000000"}
    numbered = json.loads(drafts[0].data.numbered(b"5f3a9c0e", 1, 26))
    assert numbered["id"] == "5f3a9c0e-0001-00000000001a"


def test_unchanged_payload_is_put_in_as_it_came():
    made = mapping(outputs=ENVELOPED)
    (draft,) = applied(made, message(b'{"b": 1,\n "a": 12345678901234567890}')).drafts
    assert made.content(draft) == b'{"b": 1,\n "a": 12345678901234567890}'
    json.loads(draft.data)


def test_key_is_made_of_what_is_inside():
    outputs = [{"data_stream": "s", "envelope": True, "partition_key_from": "record.v"}]
    (draft,) = applied(mapping(transform="{v: payload}", outputs=outputs), message("k")).drafts
    assert draft.key == "k"


def test_topic_that_looks_like_an_envelope_is_none():
    made = mapping(topic="#", outputs=ENVELOPED)
    (draft,) = applied(made, message(b"1", topic='a","data":2,"x')).drafts
    assert content(draft.data) == b"1"


def test_size_counts_the_envelope():
    made = mapping(limits={"s": 100 + SPREAD_KEY_BYTES}, outputs=ENVELOPED)
    (rejection,) = applied(made, message(b'"' + b"x" * 50 + b'"')).rejections
    assert rejection.code == "too_large"


def test_version_is_that_of_the_file_and_tests_look_inside(tmp_path):
    file = tmp_path / "press.yaml"
    file.write_text(
        "topic: t\ntransform: '{v: payload}'\noutputs: [{data_stream: s, envelope: true}]\n"
        "tests: [{name: one, topic: t, payload: 1, expect: [{data_stream: s, data: {v: 1}}]}]\n"
    )
    (record,) = opened(applied(load_file(file, {}), message(1)))
    assert hashlib.sha256(file.read_bytes()).hexdigest().startswith(record["version"])
    assert len(record["version"]) == 12
    assert record["mapping"] == "press"


def test_envelope_is_for_json():
    with pytest.raises(ConfigError, match="`envelope: true` is for JSON"):
        mapping(payload="bytes", outputs=ENVELOPED)
