"""Tables of the reference pages, generated from the program's declarations."""

from __future__ import annotations

import json

from bridge.config import options
from bridge.mapping.expressions.functions import FAMILIES
from bridge.mapping.file_models.mapping_spec import MappingSpec
from bridge.mapping.file_models.output_spec import OutputSpec
from bridge.mapping.file_models.payload_spec import AvroSpec, CsvSpec, ProtobufSpec, XmlSpec
from bridge.mapping.file_models.selftest_spec import ExpectedDeadLetter, ExpectedRecord, SelfTestSpec
from bridge.monitoring.metric_definitions import METRICS
from bridge.monitoring.prometheus import PREFIX
from bridge.yaml_files.type_descriptions import FieldType, expected

HEADINGS = {
    "JMESPath": "[JMESPath](https://jmespath.org/specification.html#built-in-functions)'s own",
    "JMESPath Community": "[JMESPath Community](https://jmespath.site)'s",
}


def options_table() -> str:
    rows = ["| option | value | default | description |", "| --- | --- | --- | --- |"]
    for option in options():
        default = {"": "", "required": "**required**"}.get(option.default, f"`{option.default}`")
        rows.append(f"| `{option.name}` | {cell(option.type)} | {default} | {cell(option.description)} |")
    return "\n".join(rows)


def functions_table() -> str:
    """Return the table of functions, each with an example that the tests run."""
    parts = []
    for family, functions in FAMILIES.items():
        parts.append(f"\n**{HEADINGS.get(family, family)}**\n\n| function | result | example |\n| --- | --- | --- |")
        for function in functions:
            expression, result = function.examples[0]
            # A cell must not contain `|` without a backslash. Code with back quotes needs two back quotes around it.
            example = f"`` {cell(expression)} `` → `{cell(json.dumps(result, ensure_ascii=False))}`"
            parts.append(f"| `{cell(function.signature)}` | {cell(function.summary)} | {example} |")
    return "\n".join(parts).lstrip()


MAPPING_SECTIONS = (
    ("", MappingSpec),
    ("csv.", CsvSpec),
    ("xml.", XmlSpec),
    ("avro.", AvroSpec),
    ("protobuf.", ProtobufSpec),
    ("outputs[].", OutputSpec),
    ("tests[].", SelfTestSpec),
    ("tests[].expect[].", ExpectedRecord),
    ("tests[].expect.", ExpectedDeadLetter),
)


def mapping_table() -> str:
    rows = ["| key | value | default | description |", "| --- | --- | --- | --- |"]
    for prefix, model in MAPPING_SECTIONS:
        for name, field in model.model_fields.items():
            default = "**required**" if field.is_required() else shown(field.get_default(call_default_factory=True))
            kind = expected(FieldType.of_field(field))
            rows.append(f"| `{prefix}{field.alias or name}` | {cell(kind)} | {default} | {cell(field.description)} |")
    return "\n".join(rows)


def shown(default) -> str:
    return (
        "" if default in (None, (), {}) else f"`{json.dumps(default) if default is not ... else ''}`".replace('"', "")
    )


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def metrics_table() -> str:
    rows = ["| metric | kind | labels | |", "| --- | --- | --- | --- |"]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{PREFIX}{metric.name}` | {metric.kind} | {labels} | {cell(metric.help)} |")
    return "\n".join(rows)
