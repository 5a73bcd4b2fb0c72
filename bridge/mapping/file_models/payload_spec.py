"""Models of the sections with options of a payload format: `csv`, `xml`, `avro` and `protobuf`."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bridge.mapping.file_models.field_types import SpecSection, Text
from bridge.yaml_files import Describe


def _delimiter(text: str) -> str:
    """Return a delimiter of CSV unchanged. Raise ValueError for any other text."""
    # Quotes and line breaks have another meaning in CSV.
    if len(text) != 1 or text in '"\r\n':
        raise ValueError("expected one character that is no quote and no line break, such as ';' or \"\\t\"")
    return text


def _columns(names: tuple[str, ...] | str) -> tuple[str, ...] | str:
    """Return the column names. Raise ValueError if the list is empty, or if a name occurs twice."""
    # The names become the members of an object. If two columns had the same name, the first column would be lost.
    if not isinstance(names, str) and (not names or len(set(names)) < len(names)):
        raise ValueError("expected at least one name, and none of them twice")
    return names


class CsvSpec(SpecSection):
    """The options of `payload: csv`."""

    header: Annotated[
        tuple[Text, ...] | Literal["first_line"],
        AfterValidator(_columns),
        Describe("a list of the columns' names, or 'first_line'"),
    ] = Field(description="Names of the columns, in order. first_line: the first line of each payload has the names.")
    delimiter: Annotated[str, AfterValidator(_delimiter)] = Field(",", description="Character between two fields.")
    numbers: bool = Field(
        True, description="Read fields as numbers if possible, and empty fields as null. If false, all fields are text."
    )


class XmlSpec(SpecSection):
    """The options of `payload: xml`."""

    lists: tuple[Text, ...] = Field(
        (), description="Names of elements that always become a list, even if the element occurs only once."
    )
    numbers: bool = Field(True, description="Read texts and attributes as numbers if possible.")


def _numbers(files: str | dict[str, str]) -> str | dict[str, str]:
    """Return the schema file, or the schema files by number. Raise ValueError for a key that is not a number.

    The number is the id of a schema in a schema registry. Also raise ValueError if a number occurs twice.
    """
    if isinstance(files, dict) and (not files or not all(re.fullmatch("[0-9]{1,10}", each) for each in files)):
        raise ValueError('expected a file, or files by the numbers of their schemas: {"7": reading-v1.avsc}')
    # "7" and "07" are different keys but the same number. One of the two schemas would be ignored.
    if isinstance(files, dict) and len(set(map(int, files))) < len(files):
        raise ValueError("expected each number of a schema once")
    return files


class AvroSpec(SpecSection):
    """The options of `payload: avro`."""

    schema_file: Annotated[
        Text | dict[str, Text],
        AfterValidator(_numbers),
        Describe("a file in the folder schemas/, or files by the numbers of their schemas"),
    ] = Field(
        alias="schema", description="File with the schema, in the folder schemas/ beside the mappings. Or files by id."
    )
    header: Literal["none", "confluent"] = Field(
        "none", description="confluent: each payload begins with a zero byte and the id of its schema."
    )

    @model_validator(mode="after")
    def _numbers_are_sent(self) -> AvroSpec:
        if isinstance(self.schema_file, dict) and self.header == "none":
            raise ValueError("several schemas need `header: confluent`, which names the schema of each message")
        return self


def _message_name(text: str) -> str:
    """Return the name of a message type, which may contain captures. Raise ValueError if the name is invalid."""
    if not re.fullmatch(r"(?:[A-Za-z0-9_.]|\{[A-Za-z_][A-Za-z0-9_]*\})+", text):
        raise ValueError("expected the full name of a message, such as plant.Reading, with captures such as {type}")
    return text


class ProtobufSpec(SpecSection):
    """The options of `payload: protobuf`."""

    schema_file: Text = Field(
        alias="schema", description="A .proto file or a descriptor set, in the folder schemas/ beside the mappings."
    )
    message: Annotated[Text, AfterValidator(_message_name)] = Field(
        description="Full name of the message type. It may contain captures of the topic, as in plant.{type}."
    )

    @property
    def captures(self) -> tuple[str, ...]:
        """Names of the captures that `message` contains."""
        return tuple(re.findall(r"\{([^}]+)\}", self.message))
