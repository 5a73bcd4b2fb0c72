"""Model of one entry of a mapping's `outputs`, which checks its form."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from bridge.mapping.schema.field_types import SpecSection
from bridge.model import MAX_PARTITION_KEY_CHARS, MAX_RECORD_BYTES, REGION
from bridge.yaml_files import Describe

_STREAM = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
_STREAM_ARN = re.compile(r"arn:aws[a-z0-9-]*:kinesis:[a-z0-9-]+:\d{12}:stream/[a-zA-Z0-9_.-]{1,128}")
_ROLE_ARN = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$"
# Lower limit of `max_record_bytes`.
_LEAST_PACKED_BYTES = 1024
# Upper limit of `linger_ms`: one minute.
_LONGEST_LINGER_MS = 60_000


def _stream(text: str) -> str:
    """Return the text. Raise ValueError unless it is the name or the ARN of a data stream.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html defines the names.
    """
    if not (_STREAM.fullmatch(text) or _STREAM_ARN.fullmatch(text)):
        raise ValueError(
            f"'{text}' is not the name of a data stream (1 to 128 letters, digits, _ . -) nor the ARN of one "
            "(arn:aws:kinesis:REGION:ACCOUNT:stream/NAME)",
        )
    return text


DataStream = Annotated[
    str, AfterValidator(_stream), Field(json_schema_extra={"pattern": f"^({_STREAM.pattern}|{_STREAM_ARN.pattern})$"})
]
PartitionKey = Annotated[str, Field(min_length=1, max_length=MAX_PARTITION_KEY_CHARS)]


def _needs(given: dict[str, Any], needed: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON Schema rule for editors: if the `given` options are present, the `needed` options must be too."""
    return {
        "if": {"required": [*given], "properties": given},
        "then": {"required": [*needed], "properties": needed},
    }


class OutputSpec(SpecSection):
    """One entry of `outputs`."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"required": ["partition_key", "partition_key_from"]},
            "allOf": [
                _needs({"compression": {"enum": ["gzip", "zstd"]}}, {"packing": {"const": "lines"}}),
                {
                    "if": {"required": ["order"], "properties": {"order": {"const": "strict"}}},
                    "then": {"anyOf": [{"required": ["partition_key"]}, {"required": ["partition_key_from"]}]},
                },
                _needs({"max_record_bytes": {"type": "integer"}}, {"packing": {"enum": ["kpl", "lines"]}}),
            ],
        },
    )

    data_stream: DataStream = Field(description="Name or ARN of a Kinesis data stream.")
    partition_key: PartitionKey | None = Field(None, description="One key for all records: all of them on one shard.")
    partition_key_from: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="JMESPath that gives the key: ordered per key."
    )
    packing: Literal["none", "kpl", "lines"] = Field(
        "none", description="Many records in one: KPL aggregation, or newline-delimited JSON."
    )
    compression: Literal["none", "gzip", "zstd"] = Field("none", description="With `packing: lines`: of each record.")
    order: Literal["best_effort", "strict"] = Field(
        "best_effort", description="strict: of a partition key, no record is sent before those before it are settled."
    )
    max_record_bytes: (
        Annotated[int, Field(ge=_LEAST_PACKED_BYTES, le=MAX_RECORD_BYTES), Describe("a number of bytes")] | None
    ) = Field(None, description="With `packing`: maximum size of a packed record; by default 25600, one billing unit.")
    region: Annotated[str, Field(pattern=REGION), Describe("an AWS region, such as us-east-1")] | None = Field(
        None, description="Region of the data stream; `kinesis.region`, or that of its ARN, if not given."
    )
    role_arn: Annotated[str, Field(pattern=_ROLE_ARN), Describe("the ARN of an IAM role")] | None = Field(
        None, description="A role to take on for this stream, such as one of another account."
    )
    envelope: bool = Field(
        False, description="Each record within {id, received_at, mapping, version, topic, data}, as JSON."
    )
    linger_ms: Annotated[int, Field(ge=0, le=_LONGEST_LINGER_MS)] | None = Field(
        None, description="How long a record waits for others; `kinesis.linger_ms` if not given."
    )

    @model_validator(mode="after")
    def _one_key(self) -> OutputSpec:
        if self.partition_key is not None and self.partition_key_from is not None:
            raise ValueError("'partition_key' and 'partition_key_from' exclude each other: leave one of them out")
        return self

    @model_validator(mode="after")
    def _one_region(self) -> OutputSpec:
        if self.region is not None and self.data_stream.startswith("arn:"):
            of_arn = self.data_stream.split(":")[3]
            if of_arn != self.region:
                raise ValueError(f"`region: {self.region}`, but the stream's ARN says {of_arn}: leave `region` out")
        return self

    @model_validator(mode="after")
    def _settings_of_packing(self) -> OutputSpec:
        if self.compression != "none" and self.packing != "lines":
            raise ValueError(f"`compression: {self.compression}` needs `packing: lines`, and packing is {self.packing}")
        if self.max_record_bytes is not None and self.packing == "none":
            raise ValueError("`max_record_bytes` needs `packing: kpl` or `packing: lines`")
        return self

    @model_validator(mode="after")
    def _order_is_per_key(self) -> OutputSpec:
        if self.order == "strict" and self.partition_key is None and self.partition_key_from is None:
            raise ValueError("`order: strict` is per partition key: expected `partition_key` or `partition_key_from`")
        return self
