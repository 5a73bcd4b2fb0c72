"""Models of one entry of `tests` in a mapping file: a message and its expected result."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from bridge.mapping.file_models.field_types import (
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
from bridge.mapping.file_models.output_spec import DataStream  # noqa: TC001  pydantic reads it from the annotations
from bridge.model import RejectionCode  # noqa: TC001  pydantic reads it from the annotations
from bridge.yaml_files import Describe


class ExpectedRecord(SpecSection):
    """One record that a test expects."""

    model_config = ConfigDict(json_schema_extra=one_of("data", "data_text", "data_base64"))

    data_stream: DataStream = Field(description="Data stream of the output, written as in `outputs`.")
    partition_key: str | None = Field(
        None, description="Partition key. spread: the record has no key. Without this option, any key is accepted."
    )
    data: Any = Field(None, description="Record as a value. It is compared as JSON, so the order of keys is ignored.")
    data_text: str | None = Field(None, description="Record as text, compared exactly.")
    data_base64: Base64 | None = Field(None, description="Bytes of the record in base64, compared exactly.")

    @model_validator(mode="after")
    def _one_form(self) -> ExpectedRecord:
        exactly_one(self, "data", "data_text", "data_base64")
        return self


class ExpectedDeadLetter(SpecSection):
    """Expectation that the message is rejected with this code, and that no record is created."""

    dead_letter: RejectionCode = Field(description="Code of the dead letter, which is the reason for the rejection.")


Expectation = Annotated[
    list[ExpectedRecord] | Literal["filtered"] | ExpectedDeadLetter,
    Describe("a list of records, 'filtered', or {dead_letter: CODE}"),
]


class PriorMessage(SpecSection):
    """A message that a test sends before the message under test. Mappings with state need such messages."""

    model_config = ConfigDict(json_schema_extra=one_of("payload", "payload_text", "payload_base64"))

    topic: TopicName = Field(description="Topic of the message, without wildcards. The mapping's topic must match it.")
    payload: Any = Field(
        None, description="Payload as a value. The test encodes it in the mapping's format: JSON, MessagePack, ..."
    )
    payload_text: str | None = Field(None, description="Exact payload as text, instead of `payload`.")
    payload_base64: Base64 | None = Field(None, description="Exact payload in base64, instead of `payload`.")
    qos: Qos | None = Field(None, description="QoS of the message. By default the mapping's `qos`.")
    retain: bool = Field(False, description="If true, the message is a retained message.")
    properties: dict[str, Any] = Field(
        default_factory=dict, description="MQTT 5 properties of the message, with the names that expressions use."
    )
    received_at: Time = Field(DEFAULT_RECEIVED_AT, description="Receive time of the message, with a time zone.")

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

    name: Text = Field(description="Name of the test, for reports.")
    before: tuple[PriorMessage, ...] = Field(
        (), description="Messages that are mapped first, in order. The test ignores their records."
    )
    expect: Expectation = Field(
        description="Expected result: a list of records in order, or filtered, or {dead_letter: CODE} for a rejection."
    )
