"""Command `schema`: prints the JSON Schema of `bridge.yaml` or of mapping files.

The schemas are generated from the models that parse these files.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from bridge.config import Settings
from bridge.errors import BridgeError
from bridge.mapping.file_models.mapping_spec import MappingSpec
from bridge.yaml_files.json_schema import editor_schema

if TYPE_CHECKING:
    from pathlib import Path


def write_schema(file: str, output: Path | None) -> int:
    """Write the schema of `file` ("mapping" or "bridge") to `output`, or to standard output. Return 0.

    Raise BridgeError if the file cannot be written.
    """
    text = schema_text(file)
    if output is None:
        sys.stdout.write(text)
        return 0
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BridgeError(f"--output {output}: cannot be written: {error.strerror}") from None
    print(f"{output}: schema of {'a mapping file' if file == 'mapping' else 'bridge.yaml'}")
    return 0


def schema_text(file: str) -> str:
    """Return the schema as JSON. In `bridge.yaml`, any value may be a reference such as `${NAME}`."""
    if file == "mapping":
        schema = editor_schema(MappingSpec, title="mqtt-kinesis: a mapping", references=False)
    else:
        schema = editor_schema(Settings, title="mqtt-kinesis: bridge.yaml", references=True)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
