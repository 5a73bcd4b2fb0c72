"""Model of a complete mapping file. Pydantic checks the file, and reports all problems at once."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from bridge.mapping.file_models.field_types import Qos, SpecSection, Text
from bridge.mapping.file_models.output_spec import OutputSpec
from bridge.mapping.file_models.payload_spec import AvroSpec, CsvSpec, ProtobufSpec, XmlSpec  # noqa: TC001  pydantic reads them from the annotations
from bridge.mapping.file_models.selftest_spec import SelfTestSpec  # noqa: TC001  pydantic reads it from the annotations
from bridge.mapping.file_models.stateful_spec import (  # noqa: TC001  pydantic reads them from the annotations
    ChangesSpec,
    SampleSpec,
    SparkplugSpec,
)
from bridge.mapping.topics.pattern import TopicPattern
from bridge.payloads import TEXT_FORMATS
from bridge.payloads.compression import DEFAULT_LIMIT
from bridge.payloads.encodings import UTF8, codec_name
from bridge.yaml_files import Describe

MAX_VARS = 64
"""Maximum number of names in `vars`."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_DECOMPRESSED_BYTES = 256 * 1024 * 1024
"""Upper limit of the option `max_decompressed_bytes`: 256 MiB."""


def _topic_pattern(text: str) -> str:
    """Return a topic pattern unchanged. Raise ValueError for any other text."""
    TopicPattern.parse(text)
    return text


def _listed(value: Any) -> Any:
    """Return the value of `except` as a tuple. A single filter becomes a tuple with one element."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _exceptions(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts of `except` unchanged. Raise ValueError if one of them is not a topic filter."""
    for text in texts:
        try:
            TopicPattern.parse(text)
        except ValueError as error:
            raise ValueError(f"'{text}' {error}") from None
    return texts


def _at_least_one(outputs: tuple[OutputSpec, ...]) -> tuple[OutputSpec, ...]:
    """Return the outputs. Raise ValueError if the list is empty.

    Pydantic's `min_length` counts only valid entries. If the only output is invalid, `min_length` would also report
    that there is no output.
    """
    if not outputs:
        raise ValueError("is empty; expected at least one output, such as `- data_stream: NAME`")
    return outputs


Outputs = Annotated[
    tuple[OutputSpec, ...],
    AfterValidator(_at_least_one),
    Field(json_schema_extra={"minItems": 1}),
]


def _definitions(definitions: dict[str, str]) -> dict[str, str]:
    """Return the definitions of `vars`. Raise ValueError if there are too many, or if a name is invalid."""
    for name in definitions:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"'{name}' cannot name a value: expected letters, digits and _, and no digit first")
    if len(definitions) > MAX_VARS:
        raise ValueError(f"has {len(definitions)} names; expected at most {MAX_VARS}")
    return definitions


def _encoding(name: str) -> str:
    """Return the name of an encoding. Raise ValueError if the encoding is not supported."""
    codec_name(name)
    return name


# JSON Schema of `topic`. The patterns repeat the rules of `TopicPattern.parse`, so that an editor reports errors while
# the user types.
_TOPIC = {
    "pattern": r"^(?!\$share/|\$queue/)(([^/+#{}]*|\+|\{[A-Za-z_][A-Za-z0-9_]*\})/)*"
    r"([^/+#{}]*|\+|#|\{[A-Za-z_][A-Za-z0-9_]*(\.\.\.)?\})$",
    "patternErrorMessage": "a topic filter: + or {name} alone in a level, # or {name...} alone in the last",
    "minLength": 1,
}
# Payload formats that need a section with options, each with an example for the error text.
_NEEDED = {"csv": "{header: [...]}", "avro": "{schema: FILE}", "protobuf": "{schema: FILE, message: NAME}"}
_EXCEPTIONS = {"anyOf": [{"type": "string", **_TOPIC}, {"type": "array", "items": {"type": "string", **_TOPIC}}]}
# JSON Schema of the validators of MappingSpec, so that editors report the same errors.
_RULES: dict[str, Any] = {
    "allOf": [
        *(
            {
                "if": {"properties": {"payload": {"const": name}}, "required": ["payload"]},
                "then": {"required": [name]},
                "else": {"not": {"required": [name]}},
            }
            for name in _NEEDED
        ),
        {
            "if": {"required": ["xml"]},
            "then": {"properties": {"payload": {"const": "xml"}}, "required": ["payload"]},
        },
        {
            "if": {"properties": {"each": {"const": True}}, "required": ["each"]},
            "then": {"required": ["transform"]},
        },
    ],
}


class MappingSpec(SpecSection):
    """A mapping file."""

    model_config = ConfigDict(json_schema_extra=_RULES)

    topic: Annotated[str, AfterValidator(_topic_pattern), Field(json_schema_extra=_TOPIC)] = Field(
        description="MQTT topic filter. {name} captures one level, {name...} captures all remaining levels.",
    )
    exceptions: Annotated[
        tuple[str, ...],
        BeforeValidator(_listed),
        AfterValidator(_exceptions),
        Describe("a topic filter, or a list of them"),
        WithJsonSchema(_EXCEPTIONS),
    ] = Field((), alias="except", description="Topics that match `topic`, but that this mapping must not read.")
    qos: Qos = Field(1, description="Maximum QoS of the subscription.")
    retained: Literal["take", "skip"] = Field(
        "take", description="skip: ignore retained messages that the broker sends after the bridge has subscribed."
    )
    payload: Literal[
        "json",
        "text",
        "number",
        "bytes",
        "msgpack",
        "cbor",
        "csv",
        "json_lines",
        "line_protocol",
        "xml",
        "avro",
        "protobuf",
        "sparkplug_b",
    ] = Field("json", description="Format of the payload.")
    csv: CsvSpec | None = Field(None, description="Options of `payload: csv`, such as the columns.")
    avro: AvroSpec | None = Field(None, description="Options of `payload: avro`, such as the schema.")
    protobuf: ProtobufSpec | None = Field(None, description="Options of `payload: protobuf`: schema and message type.")
    xml: XmlSpec | None = Field(None, description="Options of `payload: xml`.")
    sparkplug: SparkplugSpec | None = Field(None, description="Options of `payload: sparkplug_b`.")
    encoding: Annotated[str, AfterValidator(_encoding)] = Field(
        "utf-8", description="Encoding of a payload that is text: utf-8, latin-1, windows-1252, utf-16, ..."
    )
    compression: Literal["none", "gzip", "zlib", "deflate", "zstd", "auto"] = Field(
        "none", description="Compression of the payload. auto: detect it in each payload; it may also be uncompressed."
    )
    max_decompressed_bytes: Annotated[int, Field(ge=1, le=MAX_DECOMPRESSED_BYTES)] = Field(
        DEFAULT_LIMIT, description="Maximum size of a decompressed payload. A message with a larger one is rejected."
    )
    definitions: Annotated[
        dict[str, Text],
        AfterValidator(_definitions),
        Describe("names, each with a JMESPath expression"),
        Field(json_schema_extra={"propertyNames": {"pattern": f"^{_VARIABLE.pattern}$"}, "maxProperties": MAX_VARS}),
    ] = Field(
        default_factory=dict,
        alias="vars",
        description="Named values that several expressions use. Write vars.NAME, or $vars.NAME inside lists.",
    )
    where: Text | None = Field(
        None, description="JMESPath condition. Messages for which it is false, null or empty are filtered."
    )
    changes: ChangesSpec | None = Field(
        None, description="Send only messages whose values changed. All others are filtered."
    )
    sample: SampleSpec | None = Field(
        None, description="Send one message per span of time, or two with `min_max`. All others are filtered."
    )
    transform: Text | None = Field(
        None, description="JMESPath expression that returns the record. Without it, the payload is the record."
    )
    each: bool = Field(False, description="If true, the transform returns a list, and each item becomes a record.")
    outputs: Outputs = Field(description="Data streams that the records are sent to. Each record goes to all of them.")
    tests: tuple[SelfTestSpec, ...] = Field(
        (), description="Messages and their expected results. `check` runs the tests, and so does each reload."
    )

    @property
    def codec(self) -> str | None:
        """Python's name of the encoding in `encoding`. None for UTF-8, which needs no conversion."""
        name = codec_name(self.encoding)
        return None if name in UTF8 else name

    @property
    def pattern(self) -> TopicPattern:
        """Topic pattern of the mapping: the topics that match `topic` and do not match `except`."""
        return TopicPattern.parse(self.topic, self.exceptions)

    @model_validator(mode="after")
    def _format_has_its_options(self) -> MappingSpec:
        for name, example in _NEEDED.items():
            if (self.payload == name) != (getattr(self, name) is not None):
                raise ValueError(f"`payload: {name}` and `{name}: {example}` belong together: one of them is missing")
        return self

    @model_validator(mode="after")
    def _message_is_named_by_captures(self) -> MappingSpec:
        for name in self.protobuf.captures if self.protobuf is not None else ():
            if name not in self.pattern.captured:
                raise ValueError(f"protobuf.message: the topic captures no '{name}'")
        return self

    @model_validator(mode="after")
    def _encoding_is_of_text(self) -> MappingSpec:
        if "encoding" in self.model_fields_set and self.payload not in TEXT_FORMATS:
            raise ValueError(
                f"`encoding` is for payloads that are text ({', '.join(sorted(TEXT_FORMATS))}); "
                f"found `payload: {self.payload}`"
            )
        return self

    @model_validator(mode="after")
    def _options_are_of_the_format(self) -> MappingSpec:
        for name, payload in (("sparkplug", "sparkplug_b"), ("xml", "xml")):
            if getattr(self, name) is not None and self.payload != payload:
                raise ValueError(f"`{name}` is for `payload: {payload}`; found `payload: {self.payload}`")
        return self

    @model_validator(mode="after")
    def _mean_is_used(self) -> MappingSpec:
        # A transform that does not use `sample` would create the same records as with `keep: last`. A text search is
        # enough to detect such a transform.
        if self.sample is not None and self.sample.keep == "mean" and "sample" not in (self.transform or ""):
            raise ValueError("`keep: mean` needs a `transform` that uses `sample`, such as `{mean: sample.mean}`")
        return self

    @model_validator(mode="after")
    def _json_where_it_is_needed(self) -> MappingSpec:
        # `envelope: true` and `packing: lines` need JSON records. Only a transform or a JSON payload produces JSON
        # records.
        if self.transform is None and self.payload != "json":
            for number, output in enumerate(self.outputs):
                if output.packing == "lines" or output.envelope:
                    setting = "envelope: true" if output.envelope else "packing: lines"
                    raise ValueError(
                        f"outputs[{number}]: `{setting}` is for JSON: expected a `transform` or `payload: json`, "
                        f"found `payload: {self.payload}` unchanged"
                    )
        return self
