"""Short mappings and messages for tests."""

import json
import pathlib

from bridge.mapping.expressions.expression import EMPTY
from bridge.mapping.loading.resources import Resources
from bridge.mapping.loading.spec_validation import read_specification
from bridge.mapping.mapping import compile_mapping
from bridge.model import Message
from bridge.payloads.schema_files import NO_SCHEMA_FILES
from bridge.yaml_files import parse_document

NOW_MS = 1_700_000_000_123


def document(text, file="m.yaml"):
    return parse_document(text, file, substitute=False, environ={}, base=pathlib.Path())


def specification(tables=EMPTY, schemas=NO_SCHEMA_FILES, **options):
    """Compile a mapping like a file; `outputs` is one stream by default."""
    return _read(tables, schemas, options).specification


def _read(tables, schemas, options):
    return read_specification(
        document(json.dumps({"topic": "t", "outputs": [{"data_stream": "s"}]} | options)), Resources(tables, schemas)
    )


def mapping(name="m", limits=None, tables=EMPTY, schemas=NO_SCHEMA_FILES, **options):
    return compile_mapping(name, *_read(tables, schemas, options), {} if limits is None else limits)


def message(payload=b"", topic="t", **options):
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return Message(
        **{"topic": topic, "payload": payload, "qos": 1, "retain": False, "received_at_ms": NOW_MS} | options
    )


def applied(made, sent):
    captures = made.pattern.match(sent.topic)
    assert captures is not None, f"{made.pattern.text} does not match {sent.topic}"
    return made.apply(sent, captures, sent.topic.split("/"))
