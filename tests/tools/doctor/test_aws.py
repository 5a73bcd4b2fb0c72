"""AWS checks, against stand-ins that respond with faults."""

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from bridge.aws.error_codes import ERROR_RULES
from bridge.errors import SendError
from bridge.kinesis.client_cache import STS_UNREACHABLE, PublisherSettings
from bridge.kinesis.service_endpoints import DOCTOR_ONLY, ServiceEndpoint
from bridge.model import Destination
from bridge.tools.doctor.aws import _advice, _clock, examine_endpoint, examine_identity, examine_stream
from tests.fakes.kinesis import KinesisStandIn
from tests.kinesis.conftest import publisher_for


class Dated(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response_only(403)
        self.send_header("Date", format_datetime(datetime.now(UTC) + timedelta(seconds=self.server.ahead)))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Log nothing."""


@pytest.mark.parametrize(
    ("ahead", "state", "words"),
    [(0, "ok", "within"), (-120, "warning", "s ahead of AWS"), (3600, "error", "minutes behind AWS")],
)
def test_clock_is_compared_with_that_of_aws(ahead, state, words):
    server = HTTPServer(("127.0.0.1", 0), Dated)
    server.ahead = ahead
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    found = {
        each.subject: each
        for each in examine_endpoint(
            PublisherSettings("us-east-1"), ServiceEndpoint(f"http://127.0.0.1:{server.server_port}", "Kinesis")
        )
    }
    server.shutdown()
    thread.join()
    server.server_close()
    assert found["clock"].status == state
    assert words in found["clock"].message


@pytest.mark.parametrize(("options", "state"), [("", "ok"), (" packing=kpl", "warning"), (" order=strict", "warning")])
def test_automatic_record_distribution_is_reported_where_it_matters(options, state):
    with KinesisStandIn({"telemetry": 2}) as kinesis:
        kinesis.streams["telemetry"].place_by_service()
        publisher = publisher_for(kinesis.url)
        _, found = examine_stream(publisher, Destination.parse(f"telemetry{options}"), send=False)
        publisher.close()
    assert (found.status, "AUTO" in found.message) == (state, True)
    assert ("update-stream-record-distribution-strategy" in found.advice) == (state == "warning")


def test_wrong_port_of_the_endpoint_names_the_option(free_port):
    url = f"http://127.0.0.1:{free_port}"
    settings = PublisherSettings("us-east-1", endpoint_url=url)
    [finding] = examine_endpoint(settings, ServiceEndpoint(url, "Kinesis"))
    assert finding.status == "error"
    assert finding.advice.startswith("check kinesis.endpoint_url, its host and port; ")


def test_identity_that_nothing_can_report_is_information():
    [finding] = examine_identity(None, Destination("s"), by_sts=False)
    assert (finding.status, "kinesis.sts_endpoint_url" in finding.message) == ("info", True)


def test_endpoint_that_only_doctor_uses_is_a_warning(free_port):
    url = f"http://127.0.0.1:{free_port}"
    [finding] = examine_endpoint(PublisherSettings("us-east-1"), ServiceEndpoint(url, f"STS{DOCTOR_ONLY}"))
    assert finding.status == "warning"


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Xyz 2026 00:00:00 GMT", "Mon, 30 Nov 2026 00:00:00 -0000"])
def test_clock_without_a_valid_date_is_not_reported(date):
    assert list(_clock("kinesis", date)) == []


@pytest.mark.parametrize("code", [*ERROR_RULES, "InternalFailure", "Unknown"])
def test_advice_for_each_code_of_a_record_has_no_unfilled_name(code):
    advice = _advice(code, Destination("telemetry"))
    assert advice
    assert "{" not in advice


def publisher(**methods):
    """Publisher whose methods return a value, or raise it if it is an exception."""

    def method(value):
        def call(*_):
            if isinstance(value, Exception):
                raise value
            return value

        return call

    return SimpleNamespace(**{name: method(value) for name, value in methods.items()}, credentials_expire_at=None)


DESCRIBED = SimpleNamespace(
    described=True, status="ACTIVE", mode="", open_shards=1, max_record_bytes=1 << 20, key_id="", distribution=""
)


@pytest.mark.parametrize(("code", "status"), [(STS_UNREACHABLE, "warning"), ("ExpiredToken", "error")])
def test_identity_that_cannot_be_read_is_an_error_unless_sts_is_away(code, status):
    [finding] = examine_identity(publisher(whoami=SendError(code, "detail")), Destination("s"))
    assert finding.status == status
    assert "detail" in finding.message


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, "ok", "ACTIVE, PROVISIONED, 1 shard, records up to 1 MiB, not encrypted"),
        ({"open_shards": 2, "key_id": "alias/k"}, "ok", "2 shards, records up to 1 MiB, encrypted by alias/k"),
        ({"status": "UPDATING"}, "ok", "UPDATING"),
        ({"status": "DELETING"}, "error", "status DELETING"),
        ({"status": "CREATING"}, "error", "status CREATING"),
        ({"described": False}, "warning", "not allowed to describe it"),
    ],
)
def test_stream_finding_has_its_state(changes, status, words):
    described = SimpleNamespace(**{**vars(DESCRIBED), **changes})
    [finding] = examine_stream(publisher(describe=described, list_shards=[]), Destination("s"), send=False)
    assert (finding.status, words in finding.message) == (status, True)


def test_stream_that_cannot_be_described_gets_no_test_record():
    without = publisher(describe=SendError("ResourceNotFoundException", "no stream"))
    [finding] = examine_stream(without, Destination("s"), send=True)
    assert finding.status == "error"


@pytest.mark.parametrize(
    ("results", "status", "words"),
    [
        ([SimpleNamespace(sequence_number="1")], "ok", "accepted"),
        ([SimpleNamespace(code="InternalFailure", message="try later")], "error", "InternalFailure: try later"),
        (SendError("AccessDeniedException", "not allowed"), "error", "not allowed"),
    ],
)
def test_test_record_is_accepted_or_has_its_code(results, status, words):
    sending = publisher(describe=DESCRIBED, list_shards=SendError("Denied", "no list"), put_records=results)
    _, shards, sent = examine_stream(sending, Destination("s"), send=True)
    assert (shards.check, shards.status) == ("aws.shards", "warning")
    assert (sent.check, sent.status, words in sent.message) == ("aws.send", status, True)
