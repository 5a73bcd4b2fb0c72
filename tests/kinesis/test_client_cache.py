import logging

import pytest

from bridge.aws.credentials import Authentication
from bridge.errors import Refused
from bridge.kinesis.client_cache import FILE_CHECK_SECS, RELOAD_RETRY_SECS, ClientCache
from bridge.kinesis.publisher import KinesisPublisher, PublisherSettings
from bridge.model import Destination
from tests.fakes.stream_queue import records
from tests.kinesis.conftest import TOKEN


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def files(tmp_path):
    for name, value in (("id", "AKIDONE1"), ("secret", "one")):
        (tmp_path / name).write_text(value)
    return tmp_path


def by_files(folder):
    return Authentication(
        "token", {"access_key_id_file": str(folder / "id"), "secret_access_key_file": str(folder / "secret")}
    )


def key(clients):
    return clients.of(Destination("telemetry")).credentials.get_frozen_credentials().access_key


def test_streams_of_one_region_and_role_share_a_client():
    clients = ClientCache(PublisherSettings("us-east-1", TOKEN, endpoint_url="http://127.0.0.1:1"))
    first = clients.of(Destination("telemetry"))
    assert clients.of(Destination("archive", packing="kpl")) is first
    assert clients.of(Destination("archive", region="us-east-1")) is first
    abroad = clients.of(Destination("archive", region="eu-west-1"))
    assert abroad is not first
    assert clients.of(Destination("arn:aws:kinesis:eu-west-1:123456789012:stream/archive")) is abroad
    assert (first.region, abroad.region) == ("us-east-1", "eu-west-1")


def test_endpoint_may_name_the_region():
    clients = ClientCache(PublisherSettings("us-east-1", TOKEN, endpoint_url="http://kinesis.{region}.test:1"))
    assert (
        clients.of(Destination("a", region="eu-west-1")).client.meta.endpoint_url == "http://kinesis.eu-west-1.test:1"
    )


def test_keys_are_rotated_without_a_restart(files, caplog):
    caplog.set_level(logging.INFO)
    clock = Clock()
    clients = ClientCache(PublisherSettings("us-east-1", by_files(files)), clock)
    assert key(clients) == "AKIDONE1"
    (files / "id").write_text("AKIDTWO2")
    assert key(clients) == "AKIDONE1"
    clock.now += FILE_CHECK_SECS
    assert key(clients) == "AKIDTWO2"
    assert str(files / "id") in caplog.text
    assert "AKID" not in caplog.text


def test_secret_that_is_swapped_by_its_symbolic_link_is_noticed(tmp_path):
    """Replace the file as Kubernetes does: the file is a link into a folder, and the folder is replaced in one step."""
    for version, value in (("one", "AKIDONE1"), ("two", "AKIDTWO2")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "id").write_text(value)
        (tmp_path / version / "secret").write_text(version)
    (tmp_path / "data").symlink_to("one")
    for name in ("id", "secret"):
        (tmp_path / name).symlink_to(f"data/{name}")
    clock = Clock()
    clients = ClientCache(PublisherSettings("us-east-1", by_files(tmp_path)), clock)
    assert key(clients) == "AKIDONE1"
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "data")
    clock.now += FILE_CHECK_SECS
    assert key(clients) == "AKIDTWO2"


def test_missing_file_leaves_the_current_keys_in_use_and_is_reported(files, caplog):
    clock = Clock()
    clients = ClientCache(PublisherSettings("us-east-1", by_files(files)), clock)
    assert key(clients) == "AKIDONE1"
    (files / "id").unlink()
    clock.now += FILE_CHECK_SECS
    assert key(clients) == "AKIDONE1"
    (told,) = caplog.messages
    assert str(files / "id") in told
    assert "AKID" not in told
    (files / "id").write_text("AKIDTWO2")
    clock.now += FILE_CHECK_SECS
    assert key(clients) == "AKIDTWO2"


def test_changed_file_without_credentials_is_retried_with_a_pause(files, caplog):
    clock = Clock()
    clients = ClientCache(PublisherSettings("us-east-1", by_files(files)), clock)
    key(clients)
    (files / "id").unlink()
    for _ in range(int(2 * RELOAD_RETRY_SECS / FILE_CHECK_SECS)):
        clock.now += FILE_CHECK_SECS
        assert key(clients) == "AKIDONE1"
    assert len(caplog.messages) == 2


def test_missing_file_without_current_keys_is_an_error(files):
    (files / "secret").unlink()
    clock = Clock()
    clients = ClientCache(PublisherSettings("us-east-1", by_files(files)), clock)
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            key(clients)
        assert str(files / "secret") in refused.value.detail
        clock.now += FILE_CHECK_SECS
    (files / "secret").write_text("two")
    assert key(clients) == "AKIDONE1"


def test_credentials_that_aws_refuses_are_fetched_again_but_not_in_a_storm():
    clock = Clock()
    clients = ClientCache(PublisherSettings("us-east-1", TOKEN), clock)
    first = clients.of(Destination("telemetry"))
    clients.invalidate()
    second = clients.of(Destination("telemetry"))
    clients.invalidate()
    assert clients.of(Destination("telemetry")) is second is not first


def test_session_token_that_has_expired_needs_a_person(kinesis):
    kinesis.fault("error", status=400, code="ExpiredTokenException")
    publisher = KinesisPublisher(PublisherSettings("us-east-1", TOKEN, endpoint_url=kinesis.url))
    with pytest.raises(Refused) as refused:
        publisher.put_records("telemetry", records(1))
    assert "provide new credentials" in refused.value.hint
    assert "TEST" in refused.value.detail
    assert "AKIDTEST" not in refused.value.detail
