"""Every mapping and configuration in the documentation loads, and the tests in the mappings pass."""

import json
import re

import pytest
from jsonschema import Draft7Validator

from bridge.cli.commands.schema import schema_text
from bridge.config import load_settings
from bridge.mapping.expressions.expression import compile_expression
from bridge.mapping.loading.mapping_loader import load_file
from bridge.mapping.loading.resources import load_resources
from bridge.yaml_files import parse_document
from tests.docs.pages import DOCS, PAGES, PLAYED, README, blocks
from tests.docs.tables import MAPPING_SECTIONS

YAML = [block for page in (README, *PAGES) for block in blocks(page, "yaml")]
PLAYED_PAGES = {(DOCS / name).resolve() for name in PLAYED}
MAPPINGS = [
    block for block in YAML if re.search(r"^topic:", block.text, re.MULTILINE) and block.page not in PLAYED_PAGES
]


@pytest.mark.parametrize("block", MAPPINGS, ids=str)
def test_mapping_loads_and_its_own_tests_pass_and_editors_accept_it(block, tmp_path):
    file = tmp_path / "example.yaml"
    file.write_text(block.text)
    for other in blocks(block.page):
        if schema := re.search(r'title="mappings/schemas/([^"]+)"', other.info):
            (tmp_path / "schemas").mkdir(exist_ok=True)
            (tmp_path / "schemas" / schema[1]).write_text(other.text)
    load_file(file, {}, load_resources(tmp_path, shown_as="mappings").resources)
    data = parse_document(block.text, file.name, substitute=False, environ={}, base=tmp_path).data
    assert list(Draft7Validator(json.loads(schema_text("mapping"))).iter_errors(data)) == []


@pytest.mark.parametrize(("prefix", "model"), MAPPING_SECTIONS)
def test_examples_contain_every_key_of_a_mapping(prefix, model):
    examples = "\n".join(block.text for block in YAML)
    names = [field.alias or name for name, field in model.model_fields.items()]
    missing = [name for name in names if not re.search(rf"(^|[\s{{]){name}:", examples, re.MULTILINE)]
    assert missing == [], prefix


LINES = [
    line.partition("  ")[0]
    for block in blocks(DOCS / "reference" / "expressions.md", "text")
    for line in block.text.splitlines()
]


@pytest.mark.parametrize("line", LINES)
def test_example_of_the_page_on_expressions_compiles(line):
    compile_expression(line, {"limits": {}})


SECTIONS = {"mqtt", "kinesis", "spool", "http", "log", "mappings"}
REQUIRED = {"mqtt": {"url": "mqtt://127.0.0.1", "client_id": "press-shop"}, "kinesis": {"region": "us-east-1"}}
CONFIGURATIONS = [
    block for block in YAML if re.search(rf"^({'|'.join(SECTIONS)}):", block.text, re.MULTILINE)
    and block not in MAPPINGS
]  # fmt: skip
ENVIRONMENT = {"MQTT_PASSWORD": "x", "AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "x"}


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=str)
def test_configuration_loads(block, tmp_path):
    for name in set(re.findall(r"[\w-]+\.(?:pem|key)", block.text)):
        (tmp_path / name).write_text("a certificate or a key")
    (tmp_path / "http_token").write_text("a token of 16 characters")
    text = block.text.replace("/run/secrets/", f"{tmp_path}/")
    missing = {name: keys for name, keys in REQUIRED.items() if not re.search(rf"^{name}:", text, re.MULTILINE)}
    file = tmp_path / "bridge.yaml"
    file.write_text(text + "".join(f"{name}: {json.dumps(keys)}\n" for name, keys in missing.items()))
    load_settings(file, ENVIRONMENT)
