"""The publisher: one Kinesis client, with its credentials and connections, that all streams share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from bridge.errors import Refused
from bridge.kinesis import wire
from bridge.kinesis.credentials import Authentication, authenticated_session
from bridge.kinesis.faults import Answer, InDoubt
from bridge.kinesis.shards import Shard
from bridge.model import DEFAULT_RECORD_BYTES, Destination

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.kinesis.packing import Packed
    from bridge.kinesis.uplink import Uplink
    from bridge.kinesis.wire import Result
    from bridge.model import Record

KIB = 1024
DENIED_CODES = ("AccessDeniedException", "AccessDenied", "NotAuthorized")


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """How to reach Kinesis. `max_connections` is the sum of all streams' requests in flight.

    `read_timeout_secs` is the longest silence while an answer is awaited, and so the longest that a stop can take.
    """

    region: str
    authentication: Authentication = field(default_factory=Authentication)
    endpoint_url: str | None = None
    fips: bool = False
    dual_stack: bool = False
    proxy_url: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    max_connections: int = 16
    connect_timeout_secs: float = 5.0
    read_timeout_secs: float = 30.0
    uplink: Uplink | None = None


@dataclass(frozen=True, slots=True)
class StreamDescription:
    """What DescribeStreamSummary says of a stream; `described` is False where the call is not permitted."""

    max_record_bytes: int = DEFAULT_RECORD_BYTES
    status: str = ""
    open_shards: int = 0
    mode: str = ""
    encryption: str = ""
    described: bool = True


class Publisher:
    """Sends to any stream, from any thread. The client is made at the first call, and again until credentials exist.

    A `stream` is the name of a destination: of a data stream or its ARN, and of how to reach it. Every method raises
    Unavailable or Refused when the whole call failed.
    """

    def __init__(self, settings: PublisherSettings) -> None:
        self._settings = settings
        self._client: Any = None
        self._making = threading.Lock()

    def put_records(self, stream: str, records: Sequence[Record | Packed]) -> list[Result]:
        """One PutRecords request of at most 500 records and 10 MiB; one result for each record, in their order.

        Raises InvalidRequest where something in it can never be accepted, InDoubt where no good answer came.
        """
        answer = self._call("put_records", stream, Records=records)
        results: list[Result] = answer["Results"]
        if len(results) != len(records):
            raise InDoubt("BadResponse", f"{len(results)} results for {len(records)} records")
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

    def close(self) -> None:
        """Close the idle connections. The publisher can be used again."""
        with self._making:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _call(self, operation: str, stream: str, **parameters: object) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - botocore is slow to import

        data_stream = Destination.parse(stream).data_stream
        try:
            method: Callable[..., dict[str, Any]] = getattr(self._connected(), operation)
            if "NextToken" not in parameters:  # which stands for the stream
                parameters[_stream_parameter(data_stream)] = data_stream
            return method(**parameters)
        except ClientError as error:
            raise _answer(error).error(data_stream, self._settings.region) from error
        except BotoCoreError as error:
            from bridge.kinesis.network import network_error  # noqa: PLC0415 - as above

            raise network_error(error) from error

    def _connected(self) -> Any:
        client = self._client
        if client is None:
            with self._making:
                if self._client is None:
                    self._client = _client(self._settings)
                client = self._client
        return client


def _stream_parameter(stream: str) -> str:
    return "StreamARN" if stream.startswith("arn:") else "StreamName"


def _client(settings: PublisherSettings) -> Any:
    from botocore.config import Config  # noqa: PLC0415 - botocore is slow to import

    session = authenticated_session(settings.authentication)
    proxy = settings.proxy_url
    config = Config(
        retries={"total_max_attempts": 1},  # the sender retries: it knows which records, and can be stopped
        parameter_validation=False,  # what Kinesis takes was checked at mapping; validating it is costly
        max_pool_connections=settings.max_connections,
        connect_timeout=settings.connect_timeout_secs,
        read_timeout=settings.read_timeout_secs,
        tcp_keepalive=True,
        user_agent_extra="mqtt-kinesis",
        use_fips_endpoint=settings.fips or None,
        use_dualstack_endpoint=settings.dual_stack or None,
        proxies={"http": proxy, "https": proxy} if proxy else None,
    )
    client = session.create_client(
        "kinesis",
        region_name=settings.region,
        endpoint_url=settings.endpoint_url,
        verify=settings.ca_file,
        config=config,
    )
    wire.install(client, settings.uplink)
    return client


def _answer(error: Any) -> Answer:
    """The code, message, HTTP status and clock of a botocore ClientError."""
    said, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    return Answer(
        code=str(said.get("Code") or "Unknown"),
        message=str(said.get("Message") or ""),
        status=int(meta.get("HTTPStatusCode") or 0),
        skew_secs=_skew_secs(meta.get("HTTPHeaders", {}).get("date")),
    )


def _skew_secs(date: str | None) -> float | None:
    """How far this machine's clock is ahead of an HTTP Date header, in seconds."""
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds() if date else None
    except (TypeError, ValueError):
        return None
