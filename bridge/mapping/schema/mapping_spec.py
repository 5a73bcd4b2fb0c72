"""What stands in a mapping file, checked for its form. Every problem of a file is found at once."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bridge.documents import Expect
from bridge.mapping.schema.output_spec import DataStream, OutputSpecification
from bridge.mapping.schema.stateful_spec import (  # noqa: TC001  pydantic reads them from the annotations
    ChangesSpecification,
    SampleSpecification,
    SparkplugSpecification,
)
from bridge.mapping.topics.pattern import TopicPattern, check_topic_name
from bridge.payloads.compression import DEFAULT_LIMIT

_DEAD_LETTER_CODES = Literal["decode", "transform", "partition_key", "too_large", "internal"]
MAX_DECOMPRESSED_BYTES = 256 * 1024 * 1024
DEFAULT_RECEIVED_AT = "2024-01-01T00:00:00.000Z"


def _topic_pattern(text: str) -> str:
    TopicPattern.parse(text)
    return text


def _topic_name(text: str) -> str:
    check_topic_name(text)
    return text


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"is not base64: {error}") from None
    return text


def _time(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"'{text}' is not a time with its zone, such as {DEFAULT_RECEIVED_AT}")
    return text


def _no_boolean(value: Any) -> Any:
    """To pydantic `true` is the literal 1."""
    if isinstance(value, bool):
        raise ValueError("expected 0, 1 or 2, found true or false")  # noqa: TRY004 - a TypeError is no problem of form to pydantic
    return value


Qos = Annotated[Literal[0, 1, 2], BeforeValidator(_no_boolean)]
Text = Annotated[str, Field(min_length=1)]
TopicName = Annotated[
    str,
    AfterValidator(_topic_name),
    Field(json_schema_extra={"pattern": "^[^+#]+$", "patternErrorMessage": "a message's topic has no wildcards"}),
]
Base64 = Annotated[
    str,
    AfterValidator(_base64),
    Field(json_schema_extra={"pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}),
]


def _one_of(*options: str) -> dict[str, Any]:
    """What `_exactly_one` demands, for editors."""
    return {"oneOf": [{"required": [option]} for option in options]}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def _exactly_one(section: BaseModel, *options: str) -> None:
    given = [option for option in options if option in section.model_fields_set]
    if len(given) != 1:
        names = ", ".join(f"'{option}'" for option in options)
        found = f"{' and '.join(given)} are given" if given else "none of them is given"
        raise ValueError(f"exactly one of {names} is needed; {found}")


def _at_least_one(outputs: tuple[OutputSpecification, ...]) -> tuple[OutputSpecification, ...]:
    """Not pydantic's `min_length`, which counts only the entries that are in order."""
    if not outputs:
        raise ValueError("is empty; expected at least one output, such as `- data_stream: NAME`")
    return outputs


Outputs = Annotated[
    tuple[OutputSpecification, ...],
    AfterValidator(_at_least_one),
    Field(json_schema_extra={"minItems": 1}),
]


class ExpectedRecord(_Section):
    """One record that a test expects."""

    model_config = ConfigDict(json_schema_extra=_one_of("data", "data_text", "data_base64"))

    data_stream: DataStream = Field(description="The output's data_stream.")
    partition_key: str | None = Field(
        None, description="Compared if it is given; spread: the record has no key and may go to any shard."
    )
    data: Any = Field(None, description="The record as a value: compared as JSON, whatever the order of its keys.")
    data_text: str | None = Field(None, description="The record's exact text.")
    data_base64: Base64 | None = Field(None, description="The record's exact bytes in base64.")

    @model_validator(mode="after")
    def _one_form(self) -> ExpectedRecord:
        _exactly_one(self, "data", "data_text", "data_base64")
        return self


class ExpectedDeadLetter(_Section):
    """A test expects no record, and a dead letter with this code."""

    dead_letter: _DEAD_LETTER_CODES = Field(description="Why the message is rejected.")


Expectation = Annotated[
    list[ExpectedRecord] | Literal["filtered"] | ExpectedDeadLetter,
    Expect("a list of records, 'filtered', or {dead_letter: CODE}"),
]


class EarlierMessage(_Section):
    """A message that came before the one a test sends, for mappings that remember."""

    model_config = ConfigDict(json_schema_extra=_one_of("payload", "payload_text", "payload_base64"))

    topic: TopicName = Field(description="The message's topic, without wildcards; the mapping's topic must match it.")
    payload: Any = Field(
        None, description="The message as a value, sent in the mapping's format: as JSON, text, MessagePack, ..."
    )
    payload_text: str | None = Field(None, description="Or the exact payload as text.")
    payload_base64: Base64 | None = Field(None, description="Or the exact payload in base64.")
    qos: Qos | None = Field(None, description="The message's QoS; the mapping's if it is not given.")
    retain: bool = Field(False, description="The broker had retained the message.")
    properties: dict[str, Any] = Field(default_factory=dict, description="MQTT 5 properties, as expressions see them.")
    received_at: Annotated[str, AfterValidator(_time)] = Field(
        DEFAULT_RECEIVED_AT, description="When the bridge receives it: a time with its zone."
    )

    @model_validator(mode="after")
    def _one_payload(self) -> Self:
        _exactly_one(self, "payload", "payload_text", "payload_base64")
        return self

    @property
    def received_at_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        return round(datetime.fromisoformat(self.received_at).timestamp() * 1000)


class CaseSpecification(EarlierMessage):
    """One entry of `tests`: a message, and what the mapping must make of it."""

    name: Text = Field(description="What the test shows.")
    before: tuple[EarlierMessage, ...] = Field(
        (), description="Messages that came before, in order; what they make is not looked at."
    )
    expect: Expectation = Field(
        description="The records in their order; or filtered; or {dead_letter: CODE}, the reason for a rejection."
    )


def _delimiter(text: str) -> str:
    if len(text) != 1 or text in '"\r\n':
        raise ValueError("expected one character that is no quote and no line break, such as ';' or \"\\t\"")
    return text


def _columns(names: tuple[str, ...] | str) -> tuple[str, ...] | str:
    if not isinstance(names, str) and (not names or len(set(names)) < len(names)):
        raise ValueError("expected at least one name, and none of them twice")
    return names


class CsvSpecification(_Section):
    """How `payload: csv` is written."""

    header: Annotated[
        tuple[Text, ...] | Literal["first_line"],
        AfterValidator(_columns),
        Expect("a list of the columns' names, or 'first_line'"),
    ] = Field(description="The columns' names, in their order; or first_line, if each payload begins with them.")
    delimiter: Annotated[str, AfterValidator(_delimiter)] = Field(",", description="What stands between two fields.")
    numbers: bool = Field(True, description="Fields that are numbers become numbers, empty ones null.")


_TOPIC = {
    "pattern": r"^(?!\$share/|\$queue/)(([^/+#{}]*|\+|\{[A-Za-z_][A-Za-z0-9_]*\})/)*"
    r"([^/+#{}]*|\+|#|\{[A-Za-z_][A-Za-z0-9_]*(\.\.\.)?\})$",
    "patternErrorMessage": "a topic filter: + or {name} alone in a level, # or {name...} alone in the last",
    "minLength": 1,
}
_RULES: dict[str, Any] = {
    "allOf": [
        {
            "if": {"properties": {"payload": {"const": "csv"}}, "required": ["payload"]},
            "then": {"required": ["csv"]},
            "else": {"not": {"required": ["csv"]}},
        },
        {
            "if": {"properties": {"each": {"const": True}}, "required": ["each"]},
            "then": {"required": ["transform"]},
        },
    ],
}
"""What the validators below demand, for editors."""


class Specification(_Section):
    """A mapping file."""

    model_config = ConfigDict(json_schema_extra=_RULES)

    topic: Annotated[str, AfterValidator(_topic_pattern), Field(json_schema_extra=_TOPIC)] = Field(
        description="MQTT topic filter; {name} captures one level, {name...} the rest.",
    )
    qos: Qos = Field(1, description="The highest QoS to subscribe with.")
    retained: Literal["take", "skip"] = Field("take", description="What to do with messages the broker had retained.")
    payload: Literal["json", "text", "number", "bytes", "msgpack", "cbor", "csv", "sparkplug_b"] = Field(
        "json", description="What the payload is."
    )
    csv: CsvSpecification | None = Field(None, description="With `payload: csv`: its columns.")
    sparkplug: SparkplugSpecification | None = Field(None, description="With `payload: sparkplug_b`: its options.")
    compression: Literal["none", "gzip", "zstd", "auto"] = Field(
        "none", description="What is undone before the payload is decoded; auto: gzip or zstd where it is there."
    )
    max_decompressed_bytes: Annotated[int, Field(ge=1, le=MAX_DECOMPRESSED_BYTES)] = Field(
        DEFAULT_LIMIT, description="A payload that becomes larger is rejected."
    )
    where: Text | None = Field(None, description="JMESPath: messages for which it is falsy are filtered.")
    changes: ChangesSpecification | None = Field(None, description="Send only what changed; the rest is filtered.")
    sample: SampleSpecification | None = Field(None, description="Send one message of many; the rest is filtered.")
    transform: Text | None = Field(
        None, description="JMESPath: gives the record. Without it the payload goes on as is."
    )
    each: bool = Field(False, description="The transform gives a list, and each item becomes a record.")
    outputs: Outputs = Field(description="Where records go: to each of these.")
    tests: tuple[CaseSpecification, ...] = Field(
        (), description="Messages, and what the mapping must make of them: run by check, and before each reload."
    )

    @model_validator(mode="after")
    def _csv_has_columns(self) -> Specification:
        if (self.payload == "csv") != (self.csv is not None):
            raise ValueError("`payload: csv` and `csv: {header: [...]}` belong together: one of them is missing")
        return self

    @model_validator(mode="after")
    def _sparkplug_has_options(self) -> Specification:
        if self.sparkplug is not None and self.payload != "sparkplug_b":
            raise ValueError(f"`sparkplug` is for `payload: sparkplug_b`; found `payload: {self.payload}`")
        return self

    @model_validator(mode="after")
    def _mean_is_used(self) -> Specification:
        if self.sample is not None and self.sample.keep == "mean" and "sample" not in (self.transform or ""):
            raise ValueError("`keep: mean` needs a `transform` that uses it, such as `{mean: sample.mean}`")
        return self

    @model_validator(mode="after")
    def _json_where_it_is_needed(self) -> Specification:
        if self.transform is None and self.payload != "json":
            for number, output in enumerate(self.outputs):
                if output.packing == "lines" or output.envelope:
                    setting = "envelope: true" if output.envelope else "packing: lines"
                    raise ValueError(
                        f"outputs[{number}]: `{setting}` is for JSON: expected a `transform` or `payload: json`, "
                        f"found `payload: {self.payload}` unchanged"
                    )
        return self
