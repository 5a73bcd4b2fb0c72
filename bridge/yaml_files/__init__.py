"""YAML files: safe parsing, with the position of every value, and validation with messages for users.

Only this folder imports `yaml`. Files are YAML 1.2 as most people expect it: only `true` and `false` are booleans;
`on`, `no`, `12:30`, `012` and `2024-01-01` are text; keys are always text. These are refused with an explanation:
duplicate keys, tags, several documents in a file, an alias inside its own anchor, and files beyond the limits in
`parser`.

    document.py              a parsed file, and the functions that read it
    parser.py                text -> nodes, in bounded time and memory; tab_loader.py: tabs that YAML allows
    node_builder.py          YAML events -> nodes; nodes.py: values with their positions
    scalar_types.py          types of unquoted values
    variables.py             `${NAME}` and `${file:…}`
    syntax_errors.py         explanations of text that is not YAML
    validation.py            a document and a pydantic model -> all problems
    validation_messages.py   one pydantic error in words; locations.py: its path in the file
    option_types.py          types of option values
    type_descriptions.py     the values that a field accepts, in words
    json_schema.py           JSON Schemas for editors
"""

from bridge.yaml_files.document import Document, parse_document, read_document
from bridge.yaml_files.nodes import Path, path_text
from bridge.yaml_files.type_descriptions import Describe, expected
from bridge.yaml_files.validation import validate

__all__ = ["Describe", "Document", "Path", "expected", "parse_document", "path_text", "read_document", "validate"]
