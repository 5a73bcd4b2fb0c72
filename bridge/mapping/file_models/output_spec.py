"""Model of one entry of `outputs` in a mapping file."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from bridge.mapping.file_models.field_types import SpecSection
from bridge.model import MAX_PARTITION_KEY_CHARS, MAX_RECORD_BYTES, REGION
from bridge.yaml_files import Describe

_STREAM = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
_STREAM_ARN = re.compile(r"arn:aws[a-z0-9-]*:kinesis:[a-z0-9-]+:\d{12}:stream/[a-zA-Z0-9_.-]{1,128}")
_ROLE_ARN = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$"
# Lower limit of `max_record_bytes`, in bytes.
_LEAST_PACKED_BYTES = 1024
# Upper limit of `linger_ms`: one minute.
_LONGEST_LINGER_MS = 60_000


def _stream(text: str) -> str:
    """Return the name or the ARN of a data stream unchanged. Raise ValueError for any other text.

    The page of CreateStream in the Kinesis API reference defines which names are valid:
    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
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
    """Return a JSON Schema rule: if the `given` options have these values, the `needed` options must have theirs."""
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
    partition_key: PartitionKey | None = Field(
        None, description="Partition key of all records. So all records go to one shard."
    )
    partition_key_from: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="JMESPath expression that returns the partition key. Records with one key keep their order."
    )
    packing: Literal["none", "kpl", "lines"] = Field(
        "none", description="Pack many records into one Kinesis record: by KPL aggregation, or as lines of JSON."
    )
    compression: Literal["none", "gzip", "zstd"] = Field(
        "none", description="Compression of each packed record. Needs `packing: lines`."
    )
    order: Literal["best_effort", "strict"] = Field(
        "best_effort",
        description="strict: send a record only after all earlier records with the same partition key are settled.",
    )
    max_record_bytes: (
        Annotated[int, Field(ge=_LEAST_PACKED_BYTES, le=MAX_RECORD_BYTES), Describe("a number of bytes")] | None
    ) = Field(
        None, description="Maximum size of a packed record. Needs `packing`. The default is 25600, one billing unit."
    )
    region: Annotated[str, Field(pattern=REGION), Describe("an AWS region, such as us-east-1")] | None = Field(
        None, description="Region of the data stream. By default the region in its ARN, otherwise `kinesis.region`."
    )
    role_arn: Annotated[str, Field(pattern=_ROLE_ARN), Describe("the ARN of an IAM role")] | None = Field(
        None, description="IAM role that the bridge assumes for this stream, for example a role of another account."
    )
    envelope: bool = Field(
        False, description="Wrap each record in a JSON object: {id, received_at, mapping, version, topic, data}."
    )
    linger_ms: Annotated[int, Field(ge=0, le=_LONGEST_LINGER_MS)] | None = Field(
        None, description="How long a record waits for more records in its request. By default `kinesis.linger_ms`."
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
