"""Publisher that all streams share: it calls Kinesis, and converts failures into the bridge's errors."""

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

    from bridge.aws.transport.requests_in_flight import RequestsInFlight
    from bridge.kinesis.client_cache import CachedClient
    from bridge.kinesis.packing.packers import PackedRecord
    from bridge.kinesis.put_records_codec import Result
    from bridge.kinesis.shard_map import Shard
    from bridge.model import Record

STOP_STALL_SECS = 2.0
"""Seconds without progress after which a stop ends a request. For comparison, a round trip by satellite takes 0.6 s."""
AUTOMATIC = "AUTO"
"""RecordDistributionStrategy of a stream for which Kinesis chooses the shard of each record."""
# AWS services have different codes for a missing permission, and for expired credentials.
DENIED_CODES = ("AccessDeniedException", "AccessDenied", "NotAuthorized")
EXPIRED_CODES = ("ExpiredToken", "ExpiredTokenException")
# Codes for invalid credentials, after which the credentials are fetched again.
CREDENTIAL_CODES = (
    *EXPIRED_CODES,
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
# Parameters that identify the stream. A request with such a parameter must not also contain the name of the stream.
_TOKENS = frozenset({"NextToken", "ShardIterator"})
# Filter for ListShards. Without it, the response contains closed shards until their last records have expired.
_OPEN = MappingProxyType({"Type": "AT_LATEST"})
__all__ = ["KinesisPublisher", "PublisherSettings", "StreamDescription"]


class KinesisPublisher:
    """Client for the Kinesis calls of all streams. Thread-safe.

    botocore's clients are created at the first call. While there are no credentials, each call tries again. `stream` is
    always the name of a `Destination`: a data stream's name or ARN, followed by settings. Every method that calls AWS
    raises a SendError if the call fails.
    """

    def __init__(self, settings: PublisherSettings) -> None:
        self._settings = settings
        self._clients = ClientCache(settings)

    def endpoint(self, stream: str) -> str:
        """Return the configured endpoint URL of a stream, or the stream's region if no URL is configured."""
        region = region_of(self._settings, Destination.parse(stream))
        return self._settings.endpoint("kinesis", region) or region

    def put_records(self, stream: str, records: Sequence[Record | PackedRecord]) -> list[Result]:
        """Send one PutRecords request of at most 500 records and 10 MiB. Return one result per record, in their order.

        Raise InvalidRequest if Kinesis can never accept the request. Raise OutcomeUnknown if there is no valid
        response.
        """
        results: list[Result] = self.call("put_records", stream, Records=records)["Results"]
        # Each result belongs to the record at the same position, so the numbers must be equal.
        if len(results) != len(records):
            raise OutcomeUnknown("BadResponse", f"{len(results)} results for {len(records)} records")
        return results

    def describe(self, stream: str) -> StreamDescription:
        """Return the stream's limits and state. Without permission, return the defaults and `described=False`.

        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamSummary.html
        """
        try:
            response = self.call("describe_stream_summary", stream)
        except Refused as error:
            # The permission is optional. Without it, the bridge uses the default limits.
            if error.code in DENIED_CODES:
                return StreamDescription(described=False)
            raise
        return responses.stream_description(response)

    def list_shards(self, stream: str) -> list[Shard]:
        """Return the open shards.

        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
        """
        call = partial(self.call, "list_shards", stream)
        return [shard for shard, is_open in responses.list_shards(call, ShardFilter=dict(_OPEN)) if is_open]

    def whoami(self, stream: str) -> str:
        """Return the ARN of the identity that sends to this stream. This call to STS needs no permission.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
        """
        return self._clients.whoami(Destination.parse(stream))

    @property
    def credentials_expire_at(self) -> float | None:
        """Expiry of the credentials in use, in seconds since 1970; None if unknown, or if they never expire."""
        return self._clients.expires_at

    @property
    def in_flight(self) -> RequestsInFlight:
        """Object that shows the progress of all requests in flight, and can abort them."""
        return self._clients.in_flight

    def finish(self) -> None:
        """Start no further requests, and end requests without progress, because the bridge stops."""
        self._clients.in_flight.limit_stall(STOP_STALL_SECS)

    def abort(self) -> None:
        """Abort all requests in flight, and start no further requests."""
        self._clients.in_flight.abort()

    def close(self) -> None:
        """Close the idle connections. If the publisher is used afterwards, it connects again."""
        self._clients.discard_clients()

    def call(self, operation: str, stream: str, **parameters: object) -> dict[str, Any]:
        """Send one request, and return the response. There are no retries.

        `operation` is the name of botocore's method, for example `list_shards`. Raise SendError if the call fails. The
        module `responses` validates the response.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - botocore is slow to import

        # This module is imported before the request. After an error, the import could fail, because the process may
        # have no free file descriptor.
        from bridge.aws.network_errors import network_error  # noqa: PLC0415 - as above

        destination = Destination.parse(stream)
        data_stream = destination.data_stream
        connected = self._clients.of(destination)
        try:
            method: Callable[..., dict[str, Any]] = getattr(connected.client, operation)
            # ListShards and GetRecords accept either a token or the name of the stream, but not both.
            if not _TOKENS.intersection(parameters):
                parameters[_stream_parameter(data_stream)] = data_stream
            return method(**parameters)
        except ClientError as error:
            raise self._refusal(ErrorResponse.of(error), connected, data_stream) from error
        except BotoCoreError as error:
            raise network_error(error) from error
        except SendError:
            raise
        # botocore's parsers raise many kinds of exceptions for a malformed response. They must not end this thread,
        # because it also sends other streams.
        except Exception as error:
            raise OutcomeUnknown("BadResponse", f"not a response of Kinesis: {type(error).__name__}") from error

    def _refusal(self, response: ErrorResponse, connected: CachedClient, data_stream: str) -> SendError:
        # The credentials may have been rotated, so the next call fetches them again.
        if response.code in CREDENTIAL_CODES:
            self._clients.invalidate()
        if response.code in EXPIRED_CODES and not connected.renewable:
            hint = "provide new credentials: files are reloaded when they change, inline values at the next start"
            return Refused(response.code, f"{connected.credential} has expired", hint)
        return response.error(data_stream, connected.region, connected.credential)


def _stream_parameter(stream: str) -> str:
    return "StreamARN" if stream.startswith("arn:") else "StreamName"
