"""Publisher shared by all streams. It calls Kinesis, and converts failures to the bridge's own errors."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bridge.aws.client_factory import region_of
from bridge.aws.error_codes import ErrorResponse
from bridge.errors import OutcomeUnknown, Refused, SendError
from bridge.kinesis import responses
from bridge.kinesis.client_cache import ClientCache, PublisherSettings
from bridge.kinesis.responses import StreamDescription
from bridge.model import Destination

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.aws.transport.in_flight import RequestsInFlight
    from bridge.kinesis.client_cache import CachedClient
    from bridge.kinesis.packing.packers import PackedRecord
    from bridge.kinesis.put_records_codec import Result
    from bridge.kinesis.shard_map import Shard
    from bridge.model import Record

STOP_STALL_SECS = 2.0
"""Time without progress after which a stop ends a request. A round trip by satellite takes 0.6 s."""
AUTOMATIC = "AUTO"
"""RecordDistributionStrategy of a stream for which Kinesis chooses the shard of each record."""
# AWS services have different names for the same refusal.
DENIED_CODES = ("AccessDeniedException", "AccessDenied", "NotAuthorized")
EXPIRED_CODES = ("ExpiredToken", "ExpiredTokenException")
# These codes mean that the credentials are invalid, so new credentials may help. For a missing permission, they would
# not.
CREDENTIAL_CODES = (
    *EXPIRED_CODES,
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
# Parameters that already contain the name of the stream.
_TOKENS = frozenset({"NextToken", "ShardIterator"})
# This filter excludes closed shards, which stay in the list until their last records have expired.
_OPEN = MappingProxyType({"Type": "AT_LATEST"})
__all__ = ["KinesisPublisher", "PublisherSettings", "StreamDescription"]


class KinesisPublisher:
    """Sender of records to any stream. Any thread.

    Clients are created at the first call; while there are no credentials, each call tries to create them again. A
    `stream` is the name of a destination: a data stream's name or ARN, and how to reach it. Every method that calls AWS
    raises Unavailable or Refused if the call fails.
    """

    def __init__(self, settings: PublisherSettings) -> None:
        self._settings = settings
        self._clients = ClientCache(settings)

    def endpoint(self, stream: str) -> str:
        """Return the configured endpoint URL of a stream's requests, or the stream's region if none is configured."""
        region = region_of(self._settings, Destination.parse(stream))
        return self._settings.endpoint("kinesis", region) or region

    def put_records(self, stream: str, records: Sequence[Record | PackedRecord]) -> list[Result]:
        """Send one PutRecords request of at most 500 records and 10 MiB; return one result a record, in their order.

        Raise InvalidRequest if a part of it can never be accepted, OutcomeUnknown if there is no valid response.
        """
        results: list[Result] = self.call("put_records", stream, Records=records)["Results"]
        # A result belongs to the record at the same position. If the counts differ, the results cannot be assigned.
        if len(results) != len(records):
            raise OutcomeUnknown("BadResponse", f"{len(results)} results for {len(records)} records")
        return results

    def describe(self, stream: str) -> StreamDescription:
        """Request the stream's limits and state. Without permission, return the defaults with `described=False`.

        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamSummary.html
        """
        try:
            answer = self.call("describe_stream_summary", stream)
        except Refused as error:
            # The permission is optional. Without it, the bridge uses the default limits.
            if error.code in DENIED_CODES:
                return StreamDescription(described=False)
            raise
        return responses.stream_description(answer)

    def list_shards(self, stream: str) -> list[Shard]:
        """Return the open shards.

        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
        """
        call = partial(self.call, "list_shards", stream)
        return [shard for shard, is_open in responses.list_shards(call, ShardFilter=dict(_OPEN)) if is_open]

    def whoami(self, stream: str) -> str:
        """Return the ARN of the identity that sends to this stream. The call needs no permission.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
        """
        return self._clients.whoami(Destination.parse(stream))

    @property
    def credentials_expire_at(self) -> float | None:
        """Expiry of the credentials in use, in seconds since 1970; None: never, or unknown."""
        return self._clients.expires_at

    @property
    def in_flight(self) -> RequestsInFlight:
        """Requests in flight of all streams: their progress, and the means to abort them."""
        return self._clients.in_flight

    def finish(self) -> None:
        """Send no further requests, and end requests without progress, because the bridge stops."""
        self._clients.in_flight.limit_stall(STOP_STALL_SECS)

    def abort(self) -> None:
        """Abort all requests in flight, and send nothing more."""
        self._clients.in_flight.abort()

    def close(self) -> None:
        """Close the idle connections. The publisher stays usable."""
        self._clients.forget()

    def call(self, operation: str, stream: str, **parameters: object) -> dict[str, Any]:
        """Return the response to one request, named `operation` as in botocore, without a retry.

        Raise SendError. The response is not validated: `responses` does that.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - botocore is slow to import

        # The import comes before the request. In the error path, a process without a free file descriptor could not
        # read the module.
        from bridge.aws.network_errors import network_error  # noqa: PLC0415 - as above

        destination = Destination.parse(stream)
        data_stream = destination.data_stream
        connected = self._clients.of(destination)
        try:
            method: Callable[..., dict[str, Any]] = getattr(connected.client, operation)
            # A token identifies the stream: ListShards and GetRecords accept only one of the two.
            if not _TOKENS.intersection(parameters):
                parameters[_stream_parameter(data_stream)] = data_stream
            return method(**parameters)
        except ClientError as error:
            raise self._refusal(ErrorResponse.of(error), connected, data_stream) from error
        except BotoCoreError as error:
            raise network_error(error) from error
        except SendError:
            raise
        # botocore's parsers raise many kinds of exceptions for a malformed response. None of them may end this thread,
        # because all other streams depend on it.
        except Exception as error:
            raise OutcomeUnknown("BadResponse", f"not a response of Kinesis: {type(error).__name__}") from error

    def _refusal(self, answer: ErrorResponse, connected: CachedClient, data_stream: str) -> SendError:
        # AWS refuses the credentials, so they may have been rotated: fetch them again for the next call.
        if answer.code in CREDENTIAL_CODES:
            self._clients.invalidate()
        if answer.code in EXPIRED_CODES and not connected.renewable:
            hint = "provide new credentials: files are reloaded when they change, inline values at the next start"
            return Refused(answer.code, f"{connected.credential} has expired", hint)
        return answer.error(data_stream, connected.region, connected.credential)


def _stream_parameter(stream: str) -> str:
    return "StreamARN" if stream.startswith("arn:") else "StreamName"
