import pytest

from bridge.aws.credentials import Authentication
from bridge.kinesis.publisher import KinesisPublisher, PublisherSettings
from tests.fakes.kinesis import KinesisStandIn

TOKEN = Authentication("token", {"access_key_id": "AKIDTEST", "secret_access_key": "wJalrXUtnSECRET"})


def publisher_for(url, **settings):
    return KinesisPublisher(PublisherSettings("us-east-1", TOKEN, endpoint_url=url, **settings))


@pytest.fixture
def kinesis():
    with KinesisStandIn({"telemetry": 2, "archive": 1}) as server:
        yield server


@pytest.fixture
def publisher(kinesis):
    made = publisher_for(kinesis.url, connect_timeout_secs=20.0, answer_timeout_secs=20.0)
    yield made
    made.close()


@pytest.fixture
def impatient(kinesis):
    """Publisher with short time-outs for a silent Kinesis. On a busy machine, a slow Kinesis may exceed them too."""
    made = publisher_for(kinesis.url, connect_timeout_secs=1.0, answer_timeout_secs=0.3)
    yield made
    made.close()
