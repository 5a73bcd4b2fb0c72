"""Models of the `tests` of a mapping file, which check their form."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from bridge.mapping.schema.field_types import (
    DEFAULT_RECEIVED_AT,
    Base64,
    Qos,
    SpecSection,
    Text,
    Time,
    TopicName,
    exactly_one,
    one_of,
)
from bridge.mapping.schema.output_spec import DataStream  # noqa: TC001  pydantic reads it from the annotations
from bridge.model import RejectionCode  # noqa: TC001  pydantic reads it from the annotations
from bridge.yaml_files import Describe


class ExpectedRecord(SpecSection):
    """One record that a test expects."""

    model_config = ConfigDict(json_schema_extra=one_of("data", "data_text", "data_base64"))

    data_stream: DataStream = Field(description="The output's data_stream.")
    partition_key: str | None = Field(
        None, description="Compared if it is given; spread: the record has no key and may go to any shard."
    )
    data: Any = Field(None, description="The record as a value: compared as JSON, whatever the order of its keys.")
    data_text: str | None = Field(None, description="The record's exact text.")
    data_base64: Base64 | None = Field(None, description="The record's exact bytes in base64.")

    @model_validator(mode="after")
    def _one_form(self) -> ExpectedRecord:
        exactly_one(self, "data", "data_text", "data_base64")
        return self


class ExpectedDeadLetter(SpecSection):
    """The expectation of a dead letter with this code, and of no record."""

    dead_letter: RejectionCode = Field(description="Why the message is rejected.")


Expectation = Annotated[
    list[ExpectedRecord] | Literal["filtered"] | ExpectedDeadLetter,
    Describe("a list of records, 'filtered', or {dead_letter: CODE}"),
]


class PriorMessage(SpecSection):
    """A message that a test sends before its own, for mappings with state."""

    model_config = ConfigDict(json_schema_extra=one_of("payload", "payload_text", "payload_base64"))

    topic: TopicName = Field(description="The message's topic, without wildcards; the mapping's topic must match it.")
    payload: Any = Field(
        None, description="The message as a value, sent in the mapping's format: as JSON, text, MessagePack, ..."
    )
    payload_text: str | None = Field(None, description="Or the exact payload as text.")
    payload_base64: Base64 | None = Field(None, description="Or the exact payload in base64.")
    qos: Qos | None = Field(None, description="The message's QoS; the mapping's if it is not given.")
    retain: bool = Field(False, description="The broker had retained the message.")
    properties: dict[str, Any] = Field(default_factory=dict, description="MQTT 5 properties, as expressions see them.")
    received_at: Time = Field(DEFAULT_RECEIVED_AT, description="When the bridge receives it: a time with its zone.")

    @model_validator(mode="after")
    def _one_payload(self) -> Self:
        exactly_one(self, "payload", "payload_text", "payload_base64")
        return self

    @property
    def received_at_ms(self) -> int:
        """Receive time in milliseconds since 1970, UTC."""
        return round(datetime.fromisoformat(self.received_at).timestamp() * 1000)


class SelfTestSpec(PriorMessage):
    """One entry of `tests`: a message, and the expected result."""

    name: Text = Field(description="What the test shows.")
    before: tuple[PriorMessage, ...] = Field(
        (), description="Messages that came before, in order; what they make is not looked at."
    )
    expect: Expectation = Field(
        description="The records in their order; or filtered; or {dead_letter: CODE}, the reason for a rejection."
    )
