import base64
import gzip
import json

import cbor2
import msgpack
import pytest

from bridge.errors import ConfigError
from bridge.mapping.explain import explain
from bridge.mapping.pipeline.decoding import decompression
from bridge.mapping.pipeline.message_pipeline import FILTERED
from bridge.mapping.selftest.runner import case_message, run_cases
from bridge.payloads.compression import compress
from tests.mapping.builders import applied, mapping, message, specification

VALUE = {"t": 20.5, "n": 2**63, "list": [1, None, "é"]}
CSV = {"payload": "csv", "csv": {"header": ["a", "b"]}}


def case(**options):
    return {"name": "c", "topic": "t", "expect": [{"data_stream": "s", "data": VALUE}]} | options


def difference(made):
    return [result.difference for result in run_cases(made)]


@pytest.mark.parametrize(("payload", "pack"), [("msgpack", msgpack.packb), ("cbor", cbor2.dumps)])
def test_binary_formats_are_seen_by_expressions(payload, pack):
    made = mapping(payload=payload, transform="{n: payload.n, first: payload.list[0]}")
    (draft,) = applied(made, message(pack(VALUE))).drafts
    assert json.loads(draft.data) == {"n": 2**63, "first": 1}


@pytest.mark.parametrize(("payload", "pack"), [("msgpack", msgpack.packb), ("cbor", cbor2.dumps)])
def test_binary_payload_without_a_transform_is_the_record(payload, pack):
    (draft,) = applied(mapping(payload=payload), message(pack(VALUE))).drafts
    assert draft.data == pack(VALUE)


@pytest.mark.parametrize("payload", ["json", "msgpack", "cbor"])
@pytest.mark.parametrize("compression", ["none", "gzip", "zlib", "deflate", "zstd", "auto"])
def test_mappings_own_test_sends_its_value_as_a_device_would(payload, compression):
    made = mapping(payload=payload, compression=compression, transform="payload", tests=[case(payload=VALUE)])
    assert difference(made) == [""]


@pytest.mark.parametrize("payload", ["msgpack", "cbor"])
def test_mappings_own_test_shows_binary_records_as_values(payload):
    assert difference(mapping(payload=payload, tests=[case(payload=VALUE)])) == [""]


def test_payload_in_base64_is_sent_as_it_is():
    raw = base64.b64encode(gzip.compress(json.dumps(VALUE).encode())).decode()
    made = mapping(compression="gzip", tests=[case(payload_base64=raw), case(payload_text=json.dumps(VALUE))])
    assert difference(made) == ["", ""]
    assert case_message(made, made.specification.tests[0]).payload == base64.b64decode(raw)


def test_csv_gives_a_record_a_line():
    made = mapping(**CSV, transform="payload", each=True)
    assert [json.loads(draft.data) for draft in applied(made, message(b"1,x\n2,y")).drafts] == [
        {"a": 1, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def test_malformed_line_rejects_the_message():
    (rejection,) = applied(mapping(**CSV, transform="payload", each=True), message(b"1,x\n2")).rejections
    assert (rejection.code, rejection.detail) == ("decode", "not CSV: line 2: 1 field, and the header has 2")


def test_csv_options_are_all_applied():
    options = {"header": "first_line", "delimiter": ";", "numbers": False}
    assert mapping(payload="csv", csv=options).parts.codec.decode(b"a;b\n1;2") == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize("compression", ["gzip", "zstd", "auto"])
def test_decompressed_payload_without_a_transform_is_the_record(compression):
    packed = compress("gzip" if compression == "auto" else compression, b'{"a":1}')
    (draft,) = applied(mapping(compression=compression), message(packed)).drafts
    assert draft.data == b'{"a":1}'


def test_bytes_that_no_expression_sees_are_decompressed_too():
    (draft,) = applied(mapping(payload="bytes", compression="gzip"), message(gzip.compress(b"\x00"))).drafts
    assert draft.data == b"\x00"


def test_corrupt_payload_is_rejected_for_all_outputs():
    made = mapping(compression="gzip", outputs=[{"data_stream": "a"}, {"data_stream": "b"}])
    (rejection,) = applied(made, message(b"nonsense")).rejections
    assert (rejection.code, rejection.outputs) == ("decode", (0, 1))
    assert rejection.detail.startswith("not gzip: ")


def test_payload_that_becomes_too_large_is_rejected():
    made = mapping(compression="zstd", max_decompressed_bytes=9)
    (rejection,) = applied(made, message(compress("zstd", b"[1,2,3,4,5]"))).rejections
    assert rejection.detail == "decompressed, the payload is larger than `max_decompressed_bytes` (9)"


def test_retained_message_that_is_skipped_is_not_decompressed():
    made = mapping(compression="gzip", retained="skip")
    assert applied(made, message(b"nonsense", retain=True)) is FILTERED


def test_uncompressed_mappings_do_nothing_about_it():
    assert decompression(specification()) is None


def test_try_shows_what_was_decompressed():
    made = mapping(compression="gzip", payload="msgpack", transform="payload")
    text = explain([made], message(gzip.compress(msgpack.packb({"a": 1}), mtime=0))).render()
    assert "  compression  gzip, " in text
    assert '(msgpack) {"a":1}' in text


@pytest.mark.parametrize("encoding", ["latin-1", "windows-1252", "utf-16", "utf-16-le", "utf-8"])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_text_in_another_encoding_becomes_the_same_records(encoding, compression):
    options = {"encoding": encoding, "compression": compression}
    sent = compress(compression, '{"name": "Größe"}'.encode(encoding))
    assert applied(mapping(**options), message(sent)).drafts[0].data == '{"name": "Größe"}'.encode()
    tests = [case(payload={"name": "Größe"}, expect=[{"data_stream": "s", "data": {"name": "Größe"}}])]
    assert difference(mapping(transform="payload", tests=tests, **options)) == [""]
    made = mapping(payload="csv", csv={"header": ["n"]}, transform="payload[0]", **options)
    assert applied(made, message(compress(compression, "Größe\0".encode(encoding)))).drafts[0].data == (
        '{"n":"Größe"}'.encode()
    )


def test_character_that_the_encoding_lacks_is_a_problem_of_the_test():
    with pytest.raises(ConfigError, match="can't encode character"):
        mapping(encoding="latin-1", tests=[case(payload_text="€")])


def test_byte_that_the_encoding_does_not_have_is_a_dead_letter():
    (rejection,) = applied(mapping(encoding="windows-1252"), message(b'{"a": "\x81"}')).rejections
    assert (rejection.code, rejection.detail[:17]) == ("decode", "not windows-1252:")


@pytest.mark.parametrize("sent", [b'\xef\xbb\xbf{"a": 1}', b'{"a": 1}\0\0', '\ufeff{"a": 1}'.encode("utf-16-le")])
def test_mark_and_nuls_do_not_get_into_other_json(sent):
    (draft,) = applied(mapping(), message(sent)).drafts
    assert draft.data == sent
    output = {"data_stream": "s"}
    (draft,) = applied(mapping(outputs=[output | {"packing": "lines"}]), message(sent)).drafts
    assert draft.data == b'{"a": 1}'
    (draft,) = applied(mapping(outputs=[output | {"envelope": True}]), message(sent)).drafts
    assert draft.data.endswith(b',"data":{"a": 1}}')


def test_try_shows_the_encoding():
    shown = explain([mapping(encoding="latin-1")], message('{"a": "ü"}'.encode("latin-1"))).render()
    assert "encoding     latin-1, converted to UTF-8" in shown
