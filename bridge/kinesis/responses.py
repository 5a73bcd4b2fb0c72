"""Validation of the responses of Kinesis.

botocore returns whatever the endpoint sends, for example a number instead of a string, an empty object, or a list. If a
response differs from the documented API, these functions raise OutcomeUnknown, so that only this request fails.
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_Operations.html

The results of PutRecords are checked in `put_records_codec.py`, because they must be checked fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from bridge.errors import OutcomeUnknown
from bridge.kinesis.shard_map import HASHES, Shard
from bridge.model import DEFAULT_RECORD_BYTES, MAX_RECORD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KIB = 1024
MAX_PAGES = 100
"""Maximum number of pages of ListShards, in case the endpoint returns tokens endlessly. A page has 1,000 shards."""
MAX_TOKEN_CHARS = 1_048_576
"""Maximum length of NextToken (API_ListShards)."""
MAX_ID_CHARS = 128
"""Maximum length of a shard id (API_Shard) and of a sequence number (API_Record)."""
MAX_CHARS = 2048
"""Maximum length of all other strings. The longest is the ARN of a KMS key, with at most 2,048 characters."""


@dataclass(frozen=True, slots=True)
class StreamDescription:
    """Properties of a stream from DescribeStreamSummary.

    If the call is not permitted, `described` is False, and the other fields have their default values.
    """

    max_record_bytes: int = DEFAULT_RECORD_BYTES
    status: str = ""
    open_shards: int = 0
    mode: str = ""
    encryption: str = ""
    arn: str = ""
    key_id: str = ""
    """KMS key of the stream: the key's ARN, its id, or an alias."""
    distribution: str = ""
    """RecordDistributionStrategy: AUTO if Kinesis chooses the shards; "" if the response contains no strategy."""
    described: bool = True


class StoredRecord(NamedTuple):
    """One record from a GetRecords response."""

    sequence_number: str
    key: str
    data: bytes


class RecordsResponse(NamedTuple):
    """Content of a GetRecords response. `next_iterator` is "" if a closed shard was read to its end."""

    records: list[StoredRecord]
    next_iterator: str
    behind_ms: int
    """Time between the last record of the response and the end of the stream, in ms."""


def stream_description(response: object) -> StreamDescription:
    """Return the content of a DescribeStreamSummary response. Raise OutcomeUnknown if it is invalid."""
    summary = _object(_object(response, "the response").get("StreamDescriptionSummary"), "StreamDescriptionSummary")
    kib = _integer(summary, "MaxRecordSizeInKiB", DEFAULT_RECORD_BYTES // KIB)
    # No stream has a lower limit than the default. With a wrong lower limit, the bridge would turn valid records into
    # dead letters.
    if kib * KIB < DEFAULT_RECORD_BYTES:
        _reject(f"MaxRecordSizeInKiB is {kib}")
    mode = summary.get("StreamModeDetails")
    return StreamDescription(
        max_record_bytes=min(kib * KIB, MAX_RECORD_BYTES),
        status=_text(summary, "StreamStatus", ""),
        open_shards=_integer(summary, "OpenShardCount", 0),
        mode="" if mode is None else _text(_object(mode, "StreamModeDetails"), "StreamMode", ""),
        encryption=_text(summary, "EncryptionType", ""),
        arn=_text(summary, "StreamARN", ""),
        key_id=_text(summary, "KeyId", ""),
        distribution=_text(summary, "RecordDistributionStrategy", ""),
    )


def list_shards(call: Callable[..., object], **first_page: object) -> Iterator[tuple[Shard, bool]]:
    """Yield each shard of all pages that `call` returns, and whether the shard is open.

    `call` gets the parameters `first_page` for the first page, and NextToken for each other page. Raise the exceptions
    of `call`, and OutcomeUnknown for an invalid response or for more than MAX_PAGES pages.
    """
    parameters = first_page
    for _ in range(MAX_PAGES):
        response = _object(call(**parameters), "the response")
        for each in _list(response, "Shards"):
            yield _shard(_object(each, "a shard"))
        token = _text(response, "NextToken", "", MAX_TOKEN_CHARS)
        if not token:
            return
        parameters = {"NextToken": token}
    _reject(f"more than {MAX_PAGES} pages of shards")


def shard_iterator(response: object) -> str:
    """Return the iterator of a GetShardIterator response. Raise OutcomeUnknown if it is invalid."""
    return _text(_object(response, "the response"), "ShardIterator")


def records_response(response: object) -> RecordsResponse:
    """Return the content of a GetRecords response. Raise OutcomeUnknown if it is invalid."""
    found = _object(response, "the response")
    records = [_record(_object(each, "a record")) for each in _list(found, "Records")]
    return RecordsResponse(records, _text(found, "NextShardIterator", ""), _integer(found, "MillisBehindLatest", 0))


def _shard(shard: dict[str, Any]) -> tuple[Shard, bool]:
    range_ = _object(shard.get("HashKeyRange"), "HashKeyRange")
    first, last = _hash(range_, "StartingHashKey"), _hash(range_, "EndingHashKey")
    if first > last:
        _reject(f"a range of hashes ends before it begins: {first} to {last}")
    numbers = shard.get("SequenceNumberRange")
    # A closed shard has an ending sequence number, and accepts no more records.
    closed = numbers is not None and bool(_object(numbers, "SequenceNumberRange").get("EndingSequenceNumber"))
    return Shard(_text(shard, "ShardId", limit=MAX_ID_CHARS), first, last), not closed


def _record(record: dict[str, Any]) -> StoredRecord:
    data = record.get("Data")
    if not isinstance(data, bytes):
        _reject("Data is not base64")
    number = _text(record, "SequenceNumber", limit=MAX_ID_CHARS)
    return StoredRecord(number, _text(record, "PartitionKey"), data)


def _hash(range_: dict[str, Any], name: str) -> int:
    text = _text(range_, name, limit=len(str(HASHES)))
    if not (text.isascii() and text.isdigit() and int(text) < HASHES):
        _reject(f"{name} is not a 128-bit number")
    return int(text)


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _reject(f"{name} is not an object")
    return value


def _list(container: dict[str, Any], name: str) -> list[Any]:
    value = container.get(name)
    if not isinstance(value, list):
        _reject(f"{name} is not a list")
    return value


def _text(container: dict[str, Any], name: str, default: str | None = None, limit: int = MAX_CHARS) -> str:
    """Return a string that is not empty, or the default if the value is missing. Otherwise, raise OutcomeUnknown."""
    value = container.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or not value or len(value) > limit:
        _reject(f"{name} is not a string of 1 to {limit:,} characters")
    return value


def _integer(container: dict[str, Any], name: str, default: int) -> int:
    value = container.get(name)
    if value is None:
        return default
    # `isinstance` would also accept True and False, because bool is a subclass of int.
    if type(value) is not int or value < 0:
        _reject(f"{name} is not a number")
    return value


def _reject(why: str) -> NoReturn:
    raise OutcomeUnknown("BadResponse", f"not a valid response of Kinesis: {why}")
