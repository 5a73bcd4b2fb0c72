"""Schemas for editors, applied to typical files. `jsonschema` validates the files like an editor."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from bridge.cli.commands.schema import schema_text, write_schema
from bridge.config import load_settings
from bridge.errors import BridgeError, ConfigError
from bridge.mapping.loading.spec_validation import read_specification
from bridge.yaml_files import parse_document

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "mappings").glob("*.yaml"))
MAPPING = Draft7Validator(json.loads(schema_text("mapping")))
BRIDGE = Draft7Validator(json.loads(schema_text("bridge")))

LEAST = "topic: a/b\noutputs: [{data_stream: s}]\n"
CONNECTIONS = "mqtt: {url: 'mqtts://b', client_id: x%s}\nkinesis: {region: us-east-1%s}\n"


def read(text):
    return parse_document(text, "file.yaml", substitute=False, environ={}, base=ROOT)


def complaints(validator, text):
    return [error.message for error in validator.iter_errors(read(text).data)]


@pytest.mark.parametrize("validator", [MAPPING, BRIDGE])
def test_schema_is_a_valid_json_schema(validator):
    validator.check_schema(validator.schema)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_example_mappings_are_accepted(file):
    assert complaints(MAPPING, file.read_text()) == []


def test_annotated_configuration_is_valid_with_every_option_set():
    text = (ROOT / "docker" / "bridge.yaml").read_text()
    lines = [line.replace("#", "", 1) if line.lstrip()[:1] == "#" and line.lstrip()[1:2] != " " else line
             for line in text.splitlines()]  # fmt: skip
    assert complaints(BRIDGE, text) == []
    assert complaints(BRIDGE, "\n".join(lines)) == []


@pytest.mark.parametrize("more", [
    "where: null", "qos: 2", "payload: csv\ncsv: {header: first_line}", "each: true\ntransform: payload",
    "tests: [{name: n, topic: a/b, payload: 1, expect: filtered}]",
    "tests: [{name: n, topic: a/b, payload_text: x, expect: {dead_letter: decode}}]",
    "tests: [{name: n, topic: a/b, payload: {}, expect: [{data_stream: s, partition_key: spread, data: {}}]}]",
])  # fmt: skip
def test_mapping_that_loads_is_accepted(more):
    assert read_specification(read(LEAST + more))
    assert complaints(MAPPING, LEAST + more) == []


@pytest.mark.parametrize("topic", ["{site}/+/{rest...}", "#", "+", "/", "$SYS/#", "a//b", "{a}", "a b/ü"])
def test_topic_that_loads_is_accepted(topic):
    text = LEAST.replace("a/b", json.dumps(topic))
    assert read_specification(read(text))
    assert complaints(MAPPING, text) == []


@pytest.mark.parametrize("text", [
    "topic: a", "outputs: [{data_stream: s}]", LEAST + "wher: a", LEAST + "qos: 3", LEAST + "qos: '1'",
    LEAST + "payload: xmll", LEAST + "xml: {}", LEAST + "except: a+", LEAST + "each: yes",
    LEAST + "each: true", LEAST + "where: ''",
    LEAST + "payload: csv", LEAST + "csv: {header: first_line}", LEAST + "retained: keep",
    LEAST + "max_decompressed_bytes: 0",
    "topic: a\noutputs: []", "topic: a\noutputs: {data_stream: s}", "topic: a\noutputs: [{}]",
    "topic: a\noutputs: [{data_stream: 'no spaces'}]", "topic: a\noutputs: [{data_stream: s, key: x}]",
    "topic: a\noutputs: [{data_stream: s, partition_key: x, partition_key_from: y}]",
    f"topic: a\noutputs: [{{data_stream: s, partition_key: {'k' * 257}}}]",
    "topic: a\noutputs: [{data_stream: s, partition_key: 7}]",
    "topic: a\noutputs: [{data_stream: s, compression: gzip}]", "topic: a\noutputs: [{data_stream: s, packing: zip}]",
    "topic: a\noutputs: [{data_stream: s, max_record_bytes: 4096}]",
    "topic: a\noutputs: [{data_stream: s, order: strict}]",
    "topic: a\noutputs: [{data_stream: s, packing: kpl, compression: zstd}]",
    *(f"topic: '{topic}'\noutputs: [{{data_stream: s}}]"
      for topic in ("", "a/#/b", "a+/b", "{a b}", "{a...}/b", "a{b}", "$share/g/a")),
    LEAST + "tests: [{name: n, topic: a/b, expect: filtered}]",
    LEAST + "tests: [{name: n, topic: a/b, payload: 1, payload_text: x, expect: filtered}]",
    LEAST + "tests: [{name: n, topic: a/+, payload: 1, expect: filtered}]",
    LEAST + "tests: [{name: n, topic: a/b, payload: 1, expect: nothing}]",
    LEAST + "tests: [{name: n, topic: a/b, payload: 1, expect: {dead_letter: oops}}]",
    LEAST + "tests: [{name: n, topic: a/b, payload: 1, expect: [{data_stream: s}]}]",
    LEAST + "tests: [{name: n, topic: a/b, payload_base64: '???', expect: filtered}]",
])  # fmt: skip
def test_broken_mapping_is_refused_by_the_schema_and_by_the_bridge(text):
    assert complaints(MAPPING, text)
    with pytest.raises(ConfigError):
        read_specification(read(text))


@pytest.mark.parametrize(("mqtt", "kinesis", "more"), [
    ("", "", "spool: {max_bytes: 500 MB}"), ("", "", "spool: {max_bytes: 67108864}"), (", protocol: 5", "", ""),
    (", keepalive_secs: '${KEEPALIVE}'", "", ""), ("", ", requests_in_flight: '${IN_FLIGHT:-8}'", ""),
    ("", ", authentication: {type: default}", "http: null"), ("", "", "log: {level: '${LEVEL:-info}'}"),
    ("", ", authentication: {type: token, access_key_id: '${ID}', secret_access_key: '${KEY}'}", ""),
])  # fmt: skip
def test_configuration_that_loads_is_accepted(tmp_path, mqtt, kinesis, more):
    text = CONNECTIONS % (mqtt, kinesis) + more
    (tmp_path / "bridge.yaml").write_text(text)
    assert load_settings(tmp_path / "bridge.yaml", {"KEEPALIVE": "20", "ID": "AKIA", "KEY": "x"})
    assert complaints(BRIDGE, text) == []


@pytest.mark.parametrize(("mqtt", "kinesis", "more"), [
    ("", "", "stop: 1"), (", clientid: x", "", ""), (", keepalive_secs: 1", "", ""), (", keepalive_secs: '20'", "", ""),
    (", protocol: '4'", "", ""), (", tls: {cert_file: c.pem}", "", ""), ("", ", region: x", ""),
    ("", ", authentication: {type: token}", ""), ("", ", authentication: {type: magic}", ""),
    ("", ", authentication: {}", ""), ("", "", "spool: {max_bytes: 2 gigs}"), ("", "", "log: {level: loud}"),
    ("", "", "spool: {when_full: drop}"),
])  # fmt: skip
def test_broken_configuration_is_refused_by_the_schema_and_by_the_bridge(tmp_path, mqtt, kinesis, more):
    text = (CONNECTIONS % (mqtt, kinesis)).replace("region: us-east-1, region: x", "region: x") + more
    (tmp_path / "bridge.yaml").write_text(text)
    assert complaints(BRIDGE, text)
    with pytest.raises(ConfigError):
        load_settings(tmp_path / "bridge.yaml", {})


@pytest.mark.parametrize("validator", [MAPPING, BRIDGE])
def test_schema_describes_every_key_and_accepts_no_other(validator):
    schema = validator.schema
    for name, model in {"": schema, **schema["$defs"]}.items():
        assert model["additionalProperties"] is False, name
        for key, value in model["properties"].items():
            assert value.get("description") or "$ref" in value, f"{name}.{key}"


def test_schema_is_written_to_a_file_or_to_standard_output(tmp_path, capsys):
    assert write_schema("mapping", None) == 0
    assert capsys.readouterr().out == schema_text("mapping")
    assert write_schema("bridge", tmp_path / "b.json") == 0
    assert (tmp_path / "b.json").read_text() == schema_text("bridge")
    with pytest.raises(BridgeError, match=r"--output .*/none/x: cannot be written: No such file or directory"):
        write_schema("mapping", tmp_path / "none" / "x")


@pytest.mark.parametrize(
    "http", [{"listen": "0.0.0.0:8080", "token": "${HTTP_TOKEN}"}, {"listen": "${LISTEN}", "token": "${file:/run/t}"}]
)
def test_reference_is_accepted_instead_of_a_long_text(http):
    document = {"mqtt": {"url": "${URL}", "client_id": "${ID}"}, "kinesis": {"region": "${REGION}"}, "http": http}
    assert list(BRIDGE.iter_errors(document)) == []


def test_reference_is_accepted_instead_of_the_type_of_an_authentication():
    kinesis = {"region": "us-east-1", "authentication": {"type": "${TYPE}", "profile": "x"}}
    assert list(BRIDGE.iter_errors({"mqtt": {"url": "mqtt://b", "client_id": "c"}, "kinesis": kinesis})) == []


@pytest.mark.parametrize("file", sorted((ROOT / "docker").rglob("bridge.yaml")), ids=str)
def test_configuration_that_is_shipped_is_accepted(file):
    assert complaints(BRIDGE, file.read_text()) == []
