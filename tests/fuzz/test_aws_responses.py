"""Responses of AWS that are nearly right: each is understood, or an error of the bridge for that request alone.

`make fuzz` makes 10,000 of each operation. botocore parses them; only its sockets are replaced.
"""

import base64
import json
from functools import partial
from itertools import count

import pytest
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session
from botocore.utils import ContainerMetadataFetcher
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.aws.client_factory import EndpointSettings
from bridge.aws.credentials import Authentication, authenticated_session
from bridge.errors import SendError
from bridge.kinesis.publisher import KinesisPublisher, PublisherSettings
from bridge.kinesis.put_records_codec import RecordAccepted, RecordFailed
from bridge.kinesis.responses import MAX_PAGES
from bridge.kinesis.shard_map import HASHES
from bridge.kinesis.shard_reader import GIVE_UP_SECS, ShardReader
from bridge.model import DEFAULT_RECORD_BYTES, MAX_RECORD_BYTES, Record
from tests.fuzz.mutated_json import nearly_json
from tests.fuzz.mutation import nearly
from tests.harness.certificates import Authority

KEYS = {"access_key_id": "AKIDTEST", "secret_access_key": "wJalrXUtnSECRET"}
NUMBER = "49590338271490256608559692538361571095921575989136588898"
PUT = {
    "FailedRecordCount": 1,
    "Records": [
        {"SequenceNumber": NUMBER, "ShardId": "shardId-000000000000"},
        {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"},
    ],
}
DESCRIBED = {
    "StreamDescriptionSummary": {
        "StreamName": "telemetry",
        "StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/telemetry",
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "RetentionPeriodHours": 24,
        "StreamCreationTimestamp": 1.7e9,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "KMS",
        "KeyId": "alias/aws/kinesis",
        "OpenShardCount": 1,
        "MaxRecordSizeInKiB": 1024,
    }
}
SHARDS = {
    "NextToken": "a",
    "Shards": [
        {
            "ShardId": f"shardId-00000000000{number}",
            "HashKeyRange": {"StartingHashKey": str(first), "EndingHashKey": str(last)},
            "SequenceNumberRange": {"StartingSequenceNumber": NUMBER},
        }
        for number, first, last in ((0, 0, HASHES // 2 - 1), (1, HASHES // 2, HASHES - 1))
    ],
}
ITERATOR = {"ShardIterator": "AAAAAAAAAAE"}
RECORDS = {
    "Records": [
        {
            "SequenceNumber": NUMBER,
            "ApproximateArrivalTimestamp": 1.7e9,
            "Data": base64.b64encode(b"{}").decode(),
            "PartitionKey": "press",
        }
    ],
    "NextShardIterator": "AAAAAAAAAAF",
    "MillisBehindLatest": 1000,
}
ERROR = {"__type": "com.amazonaws.kinesis#LimitExceededException", "message": "Rate exceeded"}
STS_ERROR = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
ASSUMED = (
    b'<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
    b"<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>hunter2</SecretAccessKey><SessionToken>t</SessionToken>"
    b"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)
IMDS = {"AccessKeyId": "A", "SecretAccessKey": "hunter2", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}
CONTAINER = IMDS | {"RoleArn": "arn:aws:iam::000000000000:role/edge"}
IOT = {
    "credentials": {
        "accessKeyId": "A",
        "secretAccessKey": "hunter2",
        "sessionToken": "t",
        "expiration": "2099-01-01T00:00:00Z",
    }
}
STATUSES = st.sampled_from([200] * 8 + [201, 204, 300, 301, 400, 403, 404, 413, 429, 500, 503])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(["application/x-amz-json-1.1", "text/html", "text/xml; charset=nope", ""]),
        "Date": st.sampled_from(["Mon, 30 Nov 2026 01:00:00 GMT", "no", "Mon, 01 Jan 0001 00:00:00 -0000", ""]),
        "x-amzn-ErrorType": st.sampled_from(["a:b", "", "x" * 3000]),
    },
)
mutated = settings(deadline=None)


class Raw:
    """Body of a response, as urllib3 has it."""

    def __init__(self, body):
        self.body = body

    def stream(self, *_):
        yield self.body

    def close(self):
        """Do nothing: no socket is open."""


class Endpoint:
    """All endpoints: `answer(request)` is (status, headers, body)."""

    def send(self, session, request):
        status, headers, body = self.answer(request)
        return AWSResponse(request.url, status, headers, Raw(body))


@pytest.fixture(scope="module")
def endpoint():
    made = Endpoint()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(URLLib3Session, "send", made.send)
        patched.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)  # between two attempts
        yield made


@pytest.fixture(scope="module")
def publisher():
    made = KinesisPublisher(PublisherSettings("us-east-1", Authentication("token", KEYS), endpoint_url="http://k"))
    yield made
    made.close()


def or_error(call, *args):
    """Return the result, or None for an error of the bridge; any other exception fails the test."""
    try:
        return call(*args)
    except SendError as error:
        text = f"{error.code} {error} {getattr(error, 'hint', '')}"
    assert text.isprintable()
    assert len(text) < 3000
    assert "hunter2" not in text
    return None


def respond(endpoint, status, headers, body):
    endpoint.answer = lambda _request: (status, headers, body)


@mutated
@given(status=STATUSES, headers=HEADERS, body=nearly_json(PUT) | nearly_json(ERROR))
def test_put_records_response_is_results_or_an_error(endpoint, publisher, status, headers, body):
    respond(endpoint, status, headers, body)
    sent = [Record(1, 1, "a", b"1"), Record(2, 1, "b", b"2")]
    for result in or_error(publisher.put_records, "telemetry", sent) or ():
        assert isinstance(result, (RecordAccepted, RecordFailed))
        assert all(type(field) is str for field in result)


@mutated
@given(status=STATUSES, headers=HEADERS, body=nearly_json(DESCRIBED) | nearly_json(ERROR))
def test_stream_description_is_within_the_limits_or_an_error(endpoint, publisher, status, headers, body):
    respond(endpoint, status, headers, body)
    found = or_error(publisher.describe, "telemetry")
    if found is not None:
        assert DEFAULT_RECORD_BYTES <= found.max_record_bytes <= MAX_RECORD_BYTES
        assert type(found.open_shards) is int
        texts = (found.status, found.mode, found.encryption, found.arn, found.key_id, found.distribution)
        assert all(type(text) is str for text in texts)


@mutated
@given(status=STATUSES, headers=HEADERS, body=nearly_json(SHARDS) | nearly_json(ERROR))
def test_shards_are_listed_in_few_pages_or_not(endpoint, publisher, status, headers, body):
    pages = count()

    def answer(_request):
        assert next(pages) <= MAX_PAGES
        return status, headers, body

    endpoint.answer = answer
    for shard in or_error(publisher.list_shards, "telemetry") or ():
        assert 0 <= shard.first_hash <= shard.last_hash < HASHES


class Reader:
    """A reader whose time passes while it waits, and whose endpoint answers one operation with what is nearly right."""

    def __init__(self, endpoint, publisher, operation, answer):
        self.now, self.calls, self.ended = 0.0, 0, False
        self._operation, self._answer = operation, answer
        endpoint.answer = self.respond
        self._reader = ShardReader(self.call(publisher), lambda: self.now, self.wait, {})

    def call(self, publisher):
        return lambda operation, **parameters: publisher.call(operation, "telemetry", **parameters)

    def wait(self, secs):
        self.now += secs

    def respond(self, request):
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        self.calls += 1
        # A page has a record, or is nearer to the end: what is read continues for ever is a stream that grows.
        if self.calls > 5 and operation != "GetRecords":
            self.now += GIVE_UP_SECS
        if operation == self._operation:
            return self._answer
        good = {"ListShards": {"Shards": SHARDS["Shards"][:1]}, "GetShardIterator": ITERATOR, "GetRecords": RECORDS}
        return 200, {}, json.dumps(good[operation]).encode()

    def read(self):
        """Read until the end, an error, or 10 calls."""
        for page in self._reader.pages():
            assert all(type(data) is bytes for data in page.records)
            if self.calls > 10:
                return


@mutated
@given(status=STATUSES, headers=HEADERS, body=nearly_json(ITERATOR) | nearly_json(ERROR))
def test_shard_iterator_is_text_or_an_error(endpoint, publisher, status, headers, body):
    or_error(Reader(endpoint, publisher, "GetShardIterator", (status, headers, body)).read)


@mutated
@given(status=STATUSES, headers=HEADERS, body=nearly_json(RECORDS) | nearly_json(ERROR))
def test_records_are_read_or_an_error(endpoint, publisher, status, headers, body):
    or_error(Reader(endpoint, publisher, "GetRecords", (status, headers, body)).read)


def frozen(kind, **fields):
    credentials = authenticated_session(Authentication(kind, fields), EndpointSettings("us-east-1")).get_credentials()
    return credentials.get_frozen_credentials()


def check_credentials(kind, **fields):
    """Every part is text that a header can hold, or the error shows no secret."""
    for part in or_error(partial(frozen, kind, **fields)) or ():
        assert part is None or (type(part) is str and part.isascii() and part.isprintable())


def test_sts_response_is_credentials_or_an_error(endpoint):
    source = Authentication("token", KEYS)
    role = Authentication("assume_role", {"role_arn": "arn:aws:iam::000000000000:role/edge"}, source)
    # One client for all: it takes 20 ms to make one.
    made = EndpointSettings("us-east-1")
    client = made.client(authenticated_session(source, made), "sts")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(EndpointSettings, "client", lambda *_, **__: client)

        @mutated
        @given(status=STATUSES, headers=HEADERS, body=nearly(ASSUMED, STS_ERROR, b"<html>Sign in</html>", b""))
        def check(status, headers, body):
            respond(endpoint, status, headers, body)
            or_error(authenticated_session, role, made)

        check()


def test_instance_metadata_is_credentials_or_an_error(endpoint, monkeypatch):
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)

    @mutated
    @given(
        status=STATUSES,
        headers=HEADERS,
        body=nearly_json(IMDS),
        role=nearly(b"edge-role") | st.just(b"edge-role"),
        token=nearly(b"a-token") | st.just(b"a-token"),
    )
    def check(status, headers, body, role, token):
        def answer(request):
            if request.method == "PUT":
                return 200, {}, token
            return (200, {}, role) if request.url.endswith("security-credentials/") else (status, headers, body)

        endpoint.answer = answer
        check_credentials("ec2_role")

    check()


def test_container_response_is_credentials_or_an_error(endpoint, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/credentials")

    @mutated
    @given(status=STATUSES, headers=HEADERS, body=nearly_json(CONTAINER))
    def check(status, headers, body):
        respond(endpoint, status, headers, body)
        check_credentials("default")

    check()


def test_iot_response_is_credentials_or_an_error(endpoint, tmp_path):
    authority = Authority(tmp_path)
    cert_file, key_file = map(str, authority.client("device"))

    @mutated
    @given(status=STATUSES, headers=HEADERS, body=nearly_json(IOT))
    def check(status, headers, body):
        respond(endpoint, status, headers, body)
        check_credentials("iot", endpoint="iot", role_alias="edge", cert_file=cert_file, key_file=key_file)

    check()
