"""The publisher: what all streams share. It asks Kinesis, and says what Kinesis answers in the bridge's own errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.aws.error_codes import Answer
from bridge.errors import OutcomeUnknown, Refused
from bridge.kinesis.client_cache import Clients, PublisherSettings
from bridge.kinesis.shard_map import Shard
from bridge.model import DEFAULT_RECORD_BYTES, Destination

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.errors import SendError
    from bridge.kinesis.client_cache import Connected
    from bridge.kinesis.packing.packers import Packed
    from bridge.kinesis.put_records_codec import Result
    from bridge.model import Record

KIB = 1024
DENIED_CODES = ("AccessDeniedException", "AccessDenied", "NotAuthorized")
EXPIRED_CODES = ("ExpiredToken", "ExpiredTokenException")
CREDENTIAL_CODES = (
    *EXPIRED_CODES,
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
__all__ = ["Publisher", "PublisherSettings", "StreamDescription"]


@dataclass(frozen=True, slots=True)
class StreamDescription:
    """What DescribeStreamSummary says of a stream; `described` is False where the call is not permitted."""

    max_record_bytes: int = DEFAULT_RECORD_BYTES
    status: str = ""
    open_shards: int = 0
    mode: str = ""
    encryption: str = ""
    arn: str = ""
    key_id: str = ""
    """As the stream has it: a key's ARN or id, or an alias."""
    distribution: str = ""
    """RecordDistributionStrategy: AUTO where the stream places records itself; "" where it is not told."""
    described: bool = True


class Publisher:
    """Sends to any stream, from any thread. Clients are made at the first call, and again until credentials exist.

    A `stream` is the name of a destination: of a data stream or its ARN, and of how to reach it. Every method raises
    Unavailable or Refused when the whole call failed.
    """

    def __init__(self, settings: PublisherSettings) -> None:
        self._clients = Clients(settings)

    def put_records(self, stream: str, records: Sequence[Record | Packed]) -> list[Result]:
        """One PutRecords request of at most 500 records and 10 MiB; one result for each record, in their order.

        Raises InvalidRequest where something in it can never be accepted, OutcomeUnknown where no good answer came.
        """
        answer = self._call("put_records", stream, Records=records)
        results: list[Result] = answer["Results"]
        if len(results) != len(records):
            raise OutcomeUnknown("BadResponse", f"{len(results)} results for {len(records)} records")
        return results

    def describe(self, stream: str) -> StreamDescription:
        """Ask for the stream's limits and state. Not permitted: the defaults, `described=False`.

        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamSummary.html
        """
        try:
            answer = self._call("describe_stream_summary", stream)
        except Refused as error:
            if error.code in DENIED_CODES:
                return StreamDescription(described=False)
            raise
        summary = answer["StreamDescriptionSummary"]
        kib = summary.get("MaxRecordSizeInKiB")
        return StreamDescription(
            max_record_bytes=kib * KIB if kib else DEFAULT_RECORD_BYTES,
            status=summary.get("StreamStatus", ""),
            open_shards=summary.get("OpenShardCount", 0),
            mode=summary.get("StreamModeDetails", {}).get("StreamMode", ""),
            encryption=summary.get("EncryptionType", ""),
            arn=summary.get("StreamARN", ""),
            key_id=summary.get("KeyId", ""),
            distribution=summary.get("RecordDistributionStrategy", ""),
        )

    def list_shards(self, stream: str) -> list[Shard]:
        """The open shards.

        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
        """
        answer = self._call("list_shards", stream, ShardFilter={"Type": "AT_LATEST"})
        found = answer["Shards"]
        while token := answer.get("NextToken"):
            answer = self._call("list_shards", stream, NextToken=token)
            found += answer["Shards"]
        return [
            Shard(
                shard["ShardId"],
                int(shard["HashKeyRange"]["StartingHashKey"]),
                int(shard["HashKeyRange"]["EndingHashKey"]),
            )
            for shard in found
            if not shard.get("SequenceNumberRange", {}).get("EndingSequenceNumber")
        ]

    def whoami(self, stream: str) -> str:
        """The ARN of the identity that sends to this stream; it needs no permission.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
        """
        return self._clients.whoami(Destination.parse(stream))

    @property
    def credentials_expire_at(self) -> float | None:
        """When those in use end, in seconds since 1970; None: never, or it is not told."""
        return self._clients.expires_at

    def close(self) -> None:
        """Close the idle connections. The publisher can be used again."""
        self._clients.forget()

    def _call(self, operation: str, stream: str, **parameters: object) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - botocore is slow to import

        # Not where it is needed: a process that has no descriptor left for a connection has none to read code either.
        from bridge.aws.network_errors import network_error  # noqa: PLC0415 - as above

        destination = Destination.parse(stream)
        data_stream = destination.data_stream
        connected = self._clients.of(destination)
        try:
            method: Callable[..., dict[str, Any]] = getattr(connected.client, operation)
            if "NextToken" not in parameters:  # which stands for the stream
                parameters[_stream_parameter(data_stream)] = data_stream
            return method(**parameters)
        except ClientError as error:
            raise self._refusal(Answer.of(error), connected, data_stream) from error
        except BotoCoreError as error:
            raise network_error(error) from error

    def _refusal(self, answer: Answer, connected: Connected, data_stream: str) -> SendError:
        if answer.code in CREDENTIAL_CODES:
            self._clients.doubt()
        if answer.code in EXPIRED_CODES and not connected.renewable:
            hint = "give new credentials: files are read again when they change, inline values at the next start"
            return Refused(answer.code, f"{connected.credential} has expired", hint)
        return answer.error(data_stream, connected.region, connected.credential)


def _stream_parameter(stream: str) -> str:
    return "StreamARN" if stream.startswith("arn:") else "StreamName"
