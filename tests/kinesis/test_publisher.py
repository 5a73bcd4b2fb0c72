import logging
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bridge.aws.credentials import Authentication
from bridge.aws.transport.measurement import RequestRecording
from bridge.errors import InvalidRequest, OutcomeUnknown, Refused, SendError, Unavailable
from bridge.kinesis.publisher import KinesisPublisher, PublisherSettings
from bridge.kinesis.put_records_codec import RecordAccepted, RecordFailed
from bridge.model import DEFAULT_RECORD_BYTES, MAX_RECORD_BYTES, Record
from tests.aws.transport.sending import wait_until
from tests.fakes.kinesis import ARN, KinesisStandIn
from tests.fakes.stream_queue import records
from tests.kinesis.conftest import TOKEN, publisher_for

ABROAD = "arn:aws:kinesis:eu-west-1:000000000000:stream/archive"
"""Stream in another region, which needs another client."""


def test_records_arrive_as_they_were(kinesis, publisher):
    sent = [Record(1, 1, "prèß 🏭", b"\x00\xff"), Record(2, 1, '"quoted"\\', b""), Record(3, 1, "k", b"a" * 300_000)]
    results = publisher.put_records("telemetry", sent)
    stored = kinesis.streams["telemetry"].stored
    assert [(s.key, s.data) for s in stored] == [(r.key, r.data) for r in sent]
    assert results == [RecordAccepted(s.sequence_number, s.shard_id) for s in stored]


def test_stream_may_be_named_by_its_arn(kinesis, publisher):
    publisher.put_records(ARN + "archive", records(1))
    assert publisher.describe(ARN + "archive").open_shards == 1
    assert len(kinesis.streams["archive"].stored) == 1


def test_failed_record_is_a_value(kinesis, publisher):
    kinesis.fail_records("telemetry", records=1, code="InternalFailure")
    failed, accepted = publisher.put_records("telemetry", records(2))
    assert isinstance(failed, RecordFailed)
    assert failed.code == "InternalFailure"
    assert isinstance(accepted, RecordAccepted)


def test_stream_that_is_not_there_is_refused(publisher):
    with pytest.raises(Refused) as refused:
        publisher.put_records("telemetri", records(1))
    assert "create stream telemetri in us-east-1" in refused.value.hint


def test_invalid_request_is_distinguished_from_a_refusal(kinesis, publisher):
    kinesis.streams["telemetry"].poison_keys.add("machine-1")
    with pytest.raises(InvalidRequest):
        publisher.put_records("telemetry", records(2))


@pytest.mark.parametrize("kind", ["hang", "reset", "truncate", "malformed", "short"])
def test_response_that_is_invalid_counts_nothing_as_delivered(kinesis, impatient, kind):
    kinesis.fault(kind, requests=1)
    with pytest.raises(OutcomeUnknown):
        impatient.put_records("telemetry", records(3))


def test_server_error_is_requested_once_only(kinesis, publisher):
    kinesis.fault("error", status=503, code="ServiceUnavailable")
    with pytest.raises(Unavailable):
        publisher.put_records("telemetry", records(1))
    assert kinesis.operations["PutRecords", "telemetry"] == 1


@pytest.mark.parametrize(("skew", "words"), [(-1800, "30 minutes ahead"), (7200, "120 minutes behind")])
def test_wrong_clock_is_read_from_the_date_of_the_answer(kinesis, publisher, skew, words):
    kinesis.fault("error", status=403, code="InvalidSignatureException", skew_secs=skew)
    with pytest.raises(Refused) as refused:
        publisher.put_records("telemetry", records(1))
    assert words in refused.value.hint


def test_endpoint_without_a_listener_is_unavailable():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(Unavailable) as unavailable:
        publisher_for(f"http://127.0.0.1:{port}").put_records("telemetry", records(1))
    assert not isinstance(unavailable.value, OutcomeUnknown)


def test_plain_answer_to_tls_is_no_certificate_trouble(kinesis):
    publisher = publisher_for(f"https://127.0.0.1:{kinesis.port}", connect_timeout_secs=0.3)
    with pytest.raises(Unavailable):
        publisher.put_records("telemetry", records(1))


def test_limit_of_a_stream_is_read(kinesis, publisher):
    kinesis.create("big", 3, max_record_kib=10 * 1024)
    described = publisher.describe("big")
    assert described.max_record_bytes == MAX_RECORD_BYTES
    assert (described.status, described.open_shards, described.mode, described.described) == (
        "ACTIVE",
        3,
        "PROVISIONED",
        True,
    )


def test_describe_that_is_not_permitted_gives_the_default(kinesis, publisher):
    kinesis.fault("error", operation="DescribeStreamSummary", status=400, code="AccessDeniedException")
    described = publisher.describe("telemetry")
    assert described.max_record_bytes == DEFAULT_RECORD_BYTES
    assert not described.described


@pytest.mark.parametrize("operation", ["DescribeStreamSummary", "ListShards", "PutRecords"])
@pytest.mark.parametrize("status", [200, 204, 302, 404, 500])
def test_page_of_a_proxy_is_an_error_for_this_request_only(kinesis, publisher, operation, status):
    calls = {
        "DescribeStreamSummary": lambda: publisher.describe("telemetry"),
        "ListShards": lambda: publisher.list_shards("telemetry"),
        "PutRecords": lambda: publisher.put_records("telemetry", records(2)),
    }
    kinesis.fault("malformed", operation=operation, status=status, requests=1)
    with pytest.raises(SendError):
        calls[operation]()
    assert calls[operation]()


def test_describe_of_no_stream_is_refused(publisher):
    with pytest.raises(Refused):
        publisher.describe("telemetri")


def test_threads_share_one_client(kinesis):
    publisher = publisher_for(kinesis.url)
    threads = [threading.Thread(target=publisher.put_records, args=("archive", records(20))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kinesis.streams["archive"].stored) == 160


def test_measurement_of_a_request_is_that_of_the_caller_s_thread(kinesis, publisher):
    with RequestRecording() as recording:
        publisher.put_records("telemetry", [Record(1, 1, "k", b"x" * 30_000)])
    assert 40_000 < recording.measurement.request_bytes < 42_000
    assert recording.measurement.answered_at is not None


def test_measurement_is_there_after_a_failure_too(kinesis, impatient):
    kinesis.fault("hang", requests=1)
    with RequestRecording() as recording, pytest.raises(OutcomeUnknown) as in_doubt:
        impatient.put_records("telemetry", records(3))
    assert "a response did not come within 0.3 s" in in_doubt.value.detail
    assert recording.measurement.drained_bytes == recording.measurement.request_bytes > 0
    assert recording.measurement.answered_at is None


def test_abort_ends_requests_of_every_client(kinesis):
    kinesis.fault("hang", requests=2)
    kinesis.fault("hang", operation="ListShards", requests=1)
    publisher = publisher_for(kinesis.url)
    errors = []

    def call(method, *args):
        try:
            method(*args)
        except OutcomeUnknown as error:
            errors.append(error)

    threads = [
        threading.Thread(target=call, args=(publisher.put_records, "telemetry", records(1))),
        threading.Thread(target=call, args=(publisher.put_records, ABROAD, records(1))),
        threading.Thread(target=call, args=(publisher.list_shards, "telemetry")),
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: sum(kinesis.operations.values()) == 3)
    publisher.in_flight.abort()
    for thread in threads:
        thread.join(30)
    publisher.close()
    assert len(errors) == 3
    assert all("the bridge ended the request" in error.detail for error in errors)


def test_publisher_can_be_used_after_a_close(kinesis, publisher):
    publisher.put_records("archive", records(1))
    publisher.close()
    publisher.put_records("archive", records(1))
    assert len(kinesis.streams["archive"].stored) == 2


def test_secrets_are_in_no_repr_error_or_log(kinesis, caplog):
    caplog.set_level(logging.DEBUG)
    settings = PublisherSettings(
        "us-east-1", TOKEN, endpoint_url=kinesis.url, proxy_url="http://plant:hunter2@127.0.0.1:1"
    )
    with pytest.raises(Unavailable) as unavailable:
        KinesisPublisher(settings).put_records("telemetry", records(1))
    said = f"{settings!r} {TOKEN!r} {unavailable.value} {caplog.text}"
    assert "wJalrXUtnSECRET" not in said
    assert "hunter2" not in said


def test_missing_key_is_refused_at_the_first_call(monkeypatch, kinesis, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    publisher = KinesisPublisher(PublisherSettings("us-east-1", Authentication("default"), endpoint_url=kinesis.url))
    with pytest.raises(Refused):
        publisher.put_records("telemetry", records(1))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "B")
    assert len(publisher.put_records("telemetry", records(1))) == 1


@pytest.mark.parametrize(("status", "kind"), [(502, OutcomeUnknown), (403, Refused), (302, Refused)])
def test_page_from_something_on_the_way_is_no_answer_of_kinesis(kinesis, publisher, status, kind):
    kinesis.fault("malformed", status=status)
    with pytest.raises(kind):
        publisher.put_records("telemetry", records(1))


def self_signed(folder):
    """Return a certificate for 127.0.0.1 that is not trusted by default: (its file, a server's TLS context)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return str(folder / "cert.pem"), context


def test_certificate_is_checked_and_may_be_given(tmp_path):
    ca_file, context = self_signed(tmp_path)
    with KinesisStandIn({"telemetry": 1}, tls=context) as kinesis:
        with pytest.raises(Refused) as refused:
            publisher_for(kinesis.url).put_records("telemetry", records(1))
        assert "certificate" in refused.value.hint
        assert len(publisher_for(kinesis.url, ca_file=ca_file).put_records("telemetry", records(1))) == 1
