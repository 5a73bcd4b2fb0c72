import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from bridge.cli.app import app
from bridge.cli.commands.schema import schema_text
from bridge.documents import parse_document
from bridge.mapping.expressions.expression import compile_expression
from bridge.mapping.loading.loader import load_file
from tests.readme import MAPPING_SECTIONS, README, TABLES, with_tables

TEXT = README.read_text(encoding="utf-8")
ROOT = README.parent


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_those_of_the_code(name):
    begin = TEXT.index(f"<!-- {name} -->")
    there = TEXT[begin : TEXT.index("<!-- end -->", begin)]
    assert there in with_tables(TEXT), f"run: python -m tests.readme (the table of {name} is out of date)"


def test_the_first_mapping_loads_and_passes_its_own_test(tmp_path):
    yaml = next(block for block in code_blocks("yaml") if block.startswith("# mappings/"))
    file = tmp_path / "press-telemetry.yaml"
    file.write_text(yaml)
    assert len(load_file(file, {}).specification.tests) == 1


def test_the_mapping_with_every_key_loads_passes_its_own_tests_and_is_accepted_by_editors(tmp_path):
    yaml = next(block for block in code_blocks("yaml") if block.startswith("# mappings/line-batches"))
    file = tmp_path / "line-batches.yaml"
    file.write_text(yaml)
    assert len(load_file(file, {}).specification.tests) == 3
    data = parse_document(yaml, file.name, substitute=False, environ={}, base=tmp_path).data
    assert list(Draft7Validator(json.loads(schema_text("mapping"))).iter_errors(data)) == []


@pytest.mark.parametrize(("prefix", "model"), MAPPING_SECTIONS)
def test_every_key_of_a_mapping_stands_in_an_example(prefix, model):
    examples = "\n".join(code_blocks("yaml"))
    missing = [name for name in model.model_fields if not re.search(rf"(^|[\s{{]){name}:", examples)]
    assert missing == [], prefix


def test_the_complete_configuration_is_one(tmp_path):
    yaml = next(block for block in code_blocks("yaml") if block.startswith("mqtt:"))
    (tmp_path / "bridge.yaml").write_text(yaml)
    (tmp_path / "ca.pem").write_text("a certificate")
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    for example in (ROOT / "mappings").glob("*.yaml"):
        (mappings / example.name).write_text(example.read_text())
    environ = {"MQTT_PASSWORD": "x", "AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "x", "PATH": "/usr/bin"}
    command = [sys.executable, "-m", "bridge", "check", "--config", str(tmp_path / "bridge.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_is_in_the_table_and_no_other():
    table = TEXT[TEXT.index("## Commands") : TEXT.index("Exit codes")]
    named = set(re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE))
    names = {(each.name or each.callback.__name__).rstrip("_") for each in app.registered_commands}
    assert named == names | {group.name for group in app.registered_groups}


def test_the_code_map_names_every_part_of_the_program():
    code_map = TEXT[TEXT.index("## Code map") :]
    for path in (ROOT / "bridge").iterdir():
        if path.name.startswith("__") or path.suffix == ".typed":
            continue
        shown = f"{path.name}/" if path.is_dir() else path.name
        assert shown in code_map, shown


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", TEXT))))
def test_every_link_into_the_project_leads_somewhere(link):
    assert (ROOT / link).exists()


def code_blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_project_speaks_of_itself_alone():
    for file in [*Path(ROOT).glob("*.md"), *(ROOT / "mappings").glob("*.yaml")]:
        assert "/work/" not in file.read_text(encoding="utf-8"), file


def test_the_ten_minutes_lead_to_a_record(tmp_path):
    for name in ("bridge.yaml", "mappings/telemetry.yaml"):
        [yaml] = [block for block in code_blocks("yaml") if block.startswith(f"# {name}\n")]
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(yaml)
    told = [text.removeprefix("$ ") for text in TEXT.splitlines() if text.startswith("$ mqtt-kinesis try -t plant/")]
    arguments = shlex.split(told[0])[1:]
    command = [sys.executable, "-m", "bridge", *arguments, "--config", str(tmp_path / "bridge.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "plant-telemetry, key 'press07'" in done.stdout
    assert '"temperature_c":21.5' in done.stdout


def troubles():
    section = TEXT[TEXT.index("## Troubleshooting") : TEXT.index("## Speed")]
    return [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in section.splitlines() if row.startswith("| ")][2:]


@pytest.mark.parametrize("stem", [stem for row in troubles() for stem in row])
def test_the_troubles_are_told_in_the_programs_own_words(stem):
    source = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "bridge").rglob("*.py")))
    said = re.sub(r'"\s*\n\s*f?"', "", source)
    for part in filter(None, (part.strip(" .:") for part in stem.split("…"))):
        assert part in said


def test_what_bloblang_says_is_an_expression_here():
    section = TEXT[TEXT.index("| Bloblang |") : TEXT.index("## Troubleshooting")]
    cells = [
        re.split(r"(?<!\\)\|", row)[2].replace("\\|", "|") for row in section.splitlines()[2:] if row.startswith("| ")
    ]
    inline = [
        (double or single).strip() for cell in cells for double, single in re.findall(r"``(.+?)``|`([^`]+)`", cell)
    ]
    told = [text.removeprefix("transform: ").removeprefix("where: ") for text in inline]
    expressions = [text for text in told if re.search(r"[({\[.]|^topic$", text) and text != "{machine}"]
    assert len(expressions) > 12
    for text in expressions:
        compile_expression(text)
