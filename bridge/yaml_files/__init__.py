"""YAML files: safe parsing, with the position of every value, and validation with messages for users.

Only this folder imports `yaml`. Files are YAML 1.2. Only `true` and `false` are booleans. Values such as `on`, `no`,
`12:30`, `012` and `2024-01-01` are text. Keys are always text. Duplicate keys, tags, several documents in a file, an
alias inside its own anchor, and files beyond the limits in `parser` are refused with an explanation.

    document.py              a parsed file, and the functions that read it
    parser.py                converts text to nodes, in bounded time and memory
    tab_loader.py            accepts the tabs that YAML allows
    node_builder.py          converts YAML events to nodes
    nodes.py                 values with their positions
    scalar_types.py          types of unquoted values
    variables.py             `${NAME}` and `${file:…}`
    syntax_errors.py         explanations of text that is not YAML
    validation.py            validates a document with a pydantic model, and reports all problems
    validation_messages.py   describes one pydantic error in words
    locations.py             finds the path of a pydantic error in the file
    option_types.py          types of option values
    type_descriptions.py     the values that a field accepts, in words
    json_schema.py           JSON Schemas for editors
"""

from bridge.yaml_files.document import Document, parse_document, read_document
from bridge.yaml_files.nodes import Path, path_text
from bridge.yaml_files.type_descriptions import Describe, expected
from bridge.yaml_files.validation import validate

__all__ = ["Describe", "Document", "Path", "expected", "parse_document", "path_text", "read_document", "validate"]
