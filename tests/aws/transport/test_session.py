import ssl

import pytest
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import URLLib3Session
from urllib3.util.ssl_match_hostname import CertificateError

from bridge.aws.client_factory import EndpointSettings
from bridge.aws.credentials.providers import session_with
from bridge.aws.network_errors import network_error
from bridge.aws.transport.measurement import RequestRecording
from bridge.aws.transport.request import MAX_RESPONSE_BYTES, RequestAborted, current_request
from bridge.aws.transport.requests_in_flight import RequestsInFlight
from bridge.aws.transport.session import (
    MAX_GET_RECORDS_BYTES,
    SOCKET_OPTIONS,
    IncompleteRequestError,
    OutcomeUnknownError,
    install,
)
from bridge.errors import OutcomeUnknown
from tests.aws.transport.sending import prepared
from tests.aws.transport.sending import session_with as transport

URL = "http://127.0.0.1:1/"
RESPONSE = AWSResponse(URL, 200, {"Date": "Sat, 31 Jan 2026 12:00:00 GMT"}, None)


@pytest.fixture
def sends(monkeypatch):
    """Return a function that replaces the sending of botocore. `outcome` is a response or an exception."""

    def replace(outcome, *, complete=False, during=lambda: None):
        def send(_session, _request):
            if complete:
                current_request.get().sent_completely()
            during()
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr(URLLib3Session, "send", send)

    return replace


@pytest.fixture
def in_flight():
    return RequestsInFlight()


def failure(in_flight):
    session = transport(in_flight=in_flight)
    with pytest.raises(Exception) as caught, RequestRecording() as recording:  # noqa: PT011 - the tests look at it
        session.send(prepared(URL, 10))
    assert recording.measurement is not None
    assert in_flight.progress().requests == 0
    assert current_request.get(None) is None
    return caught.value


REFUSED = SSLError(endpoint_url=URL, error=ssl.SSLError(ssl.SSLCertVerificationError("self-signed")))
OTHER_HOST = SSLError(endpoint_url=URL, error=ssl.SSLError(CertificateError("other host")))
BROKEN = SSLError(endpoint_url=URL, error=ssl.SSLError(ssl.SSLEOFError("EOF")))
NO_PROXY = ProxyConnectionError(proxy_url=URL, error=OSError())
NO_ROUTE = EndpointConnectionError(endpoint_url=URL, error=OSError())
CLOSED = ConnectionClosedError(endpoint_url=URL, error=OSError())


@pytest.mark.parametrize("error", [REFUSED, OTHER_HOST, NO_PROXY], ids=["certificate", "host", "proxy"])
def test_failure_that_a_person_must_fix_is_reported_as_it_is(sends, in_flight, error):
    sends(error)
    assert failure(in_flight) is error


@pytest.mark.parametrize(
    "error",
    [BROKEN, NO_ROUTE, CLOSED, ConnectTimeoutError(endpoint_url=URL, error=OSError()), RequestAborted("x")],
    ids=["tls", "route", "closed", "timeout", "abort"],
)
def test_failure_of_an_incomplete_request_permits_a_retry(sends, in_flight, error):
    sends(error)
    found = failure(in_flight)
    assert type(found) is IncompleteRequestError
    assert found.__cause__ is error
    assert not isinstance(network_error(found), OutcomeUnknown)


@pytest.mark.parametrize(
    "error", [REFUSED, NO_PROXY, NO_ROUTE, RequestAborted("x")], ids=["tls", "proxy", "route", "abort"]
)
def test_failure_of_a_complete_request_has_an_unknown_outcome(sends, in_flight, error):
    sends(error, complete=True)
    found = failure(in_flight)
    assert type(found) is OutcomeUnknownError
    assert isinstance(network_error(found), OutcomeUnknown)


@pytest.mark.parametrize("error", [CLOSED, ReadTimeoutError(endpoint_url=URL)], ids=["closed", "timeout"])
def test_failure_of_a_complete_request_that_botocore_names_stays(sends, in_flight, error):
    sends(error, complete=True)
    found = failure(in_flight)
    assert found is error
    assert isinstance(network_error(found), OutcomeUnknown)


def test_failure_names_the_reason_of_the_transport(sends, in_flight):
    sends(CLOSED, complete=True, during=lambda: current_request.get().failed(OSError("no byte left")))
    assert "no byte left" in str(failure(in_flight))


def test_failure_of_another_kind_ends_the_request_too(sends, in_flight):
    error = KeyError("x")
    sends(error)
    assert failure(in_flight) is error


def test_request_is_in_flight_while_it_is_sent(sends, in_flight):
    seen = []
    sends(RESPONSE, during=lambda: seen.append(in_flight.progress().requests))
    session = transport(in_flight=in_flight)
    with RequestRecording() as recording:
        assert session.send(prepared(URL, 10)) is RESPONSE
    assert (seen, in_flight.progress().requests) == ([1], 0)
    assert recording.measurement.date == 1769860800


def test_request_after_an_abort_is_not_sent(sends, in_flight):
    seen = []
    sends(RESPONSE, during=lambda: seen.append(1))
    in_flight.abort()
    assert type(failure(in_flight)) is IncompleteRequestError
    assert seen == []


@pytest.mark.parametrize(
    ("target", "limit"),
    [
        ("Kinesis_20131202.GetRecords", MAX_GET_RECORDS_BYTES),
        (b"Kinesis_20131202.GetRecords", MAX_GET_RECORDS_BYTES),
        (b"Kinesis_20131202.PutRecords", MAX_RESPONSE_BYTES),
        (b"\xff", MAX_RESPONSE_BYTES),
        (None, MAX_RESPONSE_BYTES),
    ],
)
def test_limit_of_a_response_depends_on_the_operation(sends, in_flight, target, limit):
    seen = []
    sends(RESPONSE, during=lambda: seen.append(current_request.get().max_response_bytes))
    request = AWSRequest(method="POST", url=URL, data=b"{}").prepare()
    if target is not None:
        request.headers["X-Amz-Target"] = target
    transport(in_flight=in_flight).send(request)
    assert seen == [limit]


def test_installed_session_sends_the_requests_of_the_client(sends, in_flight):
    endpoints = EndpointSettings("us-east-1", endpoint_url=URL, max_connections=3)
    client = endpoints.client(session_with(None), "kinesis", signed=False)
    session = install(client, endpoints, in_flight)
    sent = []

    def send():
        sent.append(current_request.get().max_response_bytes)

    response = AWSResponse(URL, 200, {}, None)
    response._content = b"{}"
    sends(response, during=send)
    assert client.list_shards(StreamName="s")["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert (len(sent), in_flight.progress().requests) == (1, 0)
    assert session._socket_options == list(SOCKET_OPTIONS)
    session.close()
    client.close()
