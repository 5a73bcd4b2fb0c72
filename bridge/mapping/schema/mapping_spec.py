"""Model of a mapping file, which checks its form. Pydantic reports all problems of a file at once."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from bridge.mapping.schema.field_types import Qos, SpecSection, Text
from bridge.mapping.schema.output_spec import OutputSpec
from bridge.mapping.schema.payload_spec import AvroSpec, CsvSpec, ProtobufSpec, XmlSpec  # noqa: TC001  pydantic reads them from the annotations
from bridge.mapping.schema.selftest_spec import SelfTestSpec  # noqa: TC001  pydantic reads it from the annotations
from bridge.mapping.schema.stateful_spec import (  # noqa: TC001  pydantic reads them from the annotations
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
"""Maximum number of the names in `vars`."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_DECOMPRESSED_BYTES = 256 * 1024 * 1024
"""Upper limit of the option `max_decompressed_bytes`: 256 MiB."""


def _topic_pattern(text: str) -> str:
    """Return the text. Raise ValueError unless it is a topic pattern."""
    TopicPattern.parse(text)
    return text


def _listed(value: Any) -> Any:
    """Return a tuple of filters for a list of filters or a single filter."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _exceptions(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts. Raise ValueError unless each is a topic filter."""
    for text in texts:
        try:
            TopicPattern.parse(text)
        except ValueError as error:
            raise ValueError(f"'{text}' {error}") from None
    return texts


def _at_least_one(outputs: tuple[OutputSpec, ...]) -> tuple[OutputSpec, ...]:
    """Return the outputs. Raise ValueError if there are none.

    Pydantic's `min_length` counts only valid entries, so that an invalid one would also be reported as missing.
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
    """Return the definitions. Raise ValueError if there are too many, or if a name is invalid."""
    for name in definitions:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"'{name}' cannot name a value: expected letters, digits and _, and no digit first")
    if len(definitions) > MAX_VARS:
        raise ValueError(f"has {len(definitions)} names; expected at most {MAX_VARS}")
    return definitions


def _encoding(name: str) -> str:
    """Return the name. Raise ValueError for an encoding that is not supported."""
    codec_name(name)
    return name


_TOPIC = {
    "pattern": r"^(?!\$share/|\$queue/)(([^/+#{}]*|\+|\{[A-Za-z_][A-Za-z0-9_]*\})/)*"
    r"([^/+#{}]*|\+|#|\{[A-Za-z_][A-Za-z0-9_]*(\.\.\.)?\})$",
    "patternErrorMessage": "a topic filter: + or {name} alone in a level, # or {name...} alone in the last",
    "minLength": 1,
}
# Payload formats whose options are required, with an example.
_NEEDED = {"csv": "{header: [...]}", "avro": "{schema: FILE}", "protobuf": "{schema: FILE, message: NAME}"}
_EXCEPTIONS = {"anyOf": [{"type": "string", **_TOPIC}, {"type": "array", "items": {"type": "string", **_TOPIC}}]}
# JSON Schema of the validators below, for editors.
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
        description="MQTT topic filter; {name} captures one level, {name...} the rest.",
    )
    exceptions: Annotated[
        tuple[str, ...],
        BeforeValidator(_listed),
        AfterValidator(_exceptions),
        Describe("a topic filter, or a list of them"),
        WithJsonSchema(_EXCEPTIONS),
    ] = Field((), alias="except", description="Topics that `topic` matches and this mapping must not read.")
    qos: Qos = Field(1, description="The highest QoS to subscribe with.")
    retained: Literal["take", "skip"] = Field("take", description="What to do with messages the broker had retained.")
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
    ] = Field("json", description="What the payload is.")
    csv: CsvSpec | None = Field(None, description="With `payload: csv`: its columns.")
    avro: AvroSpec | None = Field(None, description="With `payload: avro`: its schema.")
    protobuf: ProtobufSpec | None = Field(None, description="With `payload: protobuf`: its schema and message type.")
    xml: XmlSpec | None = Field(None, description="With `payload: xml`: its options.")
    sparkplug: SparkplugSpec | None = Field(None, description="With `payload: sparkplug_b`: its options.")
    encoding: Annotated[str, AfterValidator(_encoding)] = Field(
        "utf-8", description="Of a payload that is text: utf-8, latin-1, windows-1252, utf-16, ..."
    )
    compression: Literal["none", "gzip", "zlib", "deflate", "zstd", "auto"] = Field(
        "none", description="What is undone before the payload is decoded; auto: what the payload shows, if anything."
    )
    max_decompressed_bytes: Annotated[int, Field(ge=1, le=MAX_DECOMPRESSED_BYTES)] = Field(
        DEFAULT_LIMIT, description="A payload that becomes larger is rejected."
    )
    definitions: Annotated[
        dict[str, Text],
        AfterValidator(_definitions),
        Describe("names, each with a JMESPath expression"),
        Field(json_schema_extra={"propertyNames": {"pattern": f"^{_VARIABLE.pattern}$"}, "maxProperties": MAX_VARS}),
    ] = Field(
        default_factory=dict,
        alias="vars",
        description="Names for values that several expressions need: vars.NAME, and $vars.NAME inside lists.",
    )
    where: Text | None = Field(None, description="JMESPath: messages for which it is falsy are filtered.")
    changes: ChangesSpec | None = Field(None, description="Send only what changed; the rest is filtered.")
    sample: SampleSpec | None = Field(None, description="Send one message of many; the rest is filtered.")
    transform: Text | None = Field(
        None, description="JMESPath: returns the record. Without it, the payload is the record."
    )
    each: bool = Field(False, description="The transform gives a list, and each item becomes a record.")
    outputs: Outputs = Field(description="Where records go: to each of these.")
    tests: tuple[SelfTestSpec, ...] = Field(
        (), description="Messages, and what the mapping must make of them: run by check, and before each reload."
    )

    @property
    def codec(self) -> str | None:
        """Python's name of `encoding`; None for UTF-8, which needs no conversion."""
        name = codec_name(self.encoding)
        return None if name in UTF8 else name

    @property
    def pattern(self) -> TopicPattern:
        """Pattern of `topic`, without the topics of `except`."""
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
        if self.sample is not None and self.sample.keep == "mean" and "sample" not in (self.transform or ""):
            raise ValueError("`keep: mean` needs a `transform` that uses it, such as `{mean: sample.mean}`")
        return self

    @model_validator(mode="after")
    def _json_where_it_is_needed(self) -> MappingSpec:
        if self.transform is None and self.payload != "json":
            for number, output in enumerate(self.outputs):
                if output.packing == "lines" or output.envelope:
                    setting = "envelope: true" if output.envelope else "packing: lines"
                    raise ValueError(
                        f"outputs[{number}]: `{setting}` is for JSON: expected a `transform` or `payload: json`, "
                        f"found `payload: {self.payload}` unchanged"
                    )
        return self
