"""AWS endpoint for all files of a test run."""

import pytest
from botocore.httpsession import URLLib3Session
from botocore.utils import ContainerMetadataFetcher

from bridge.aws.credentials import Authentication
from bridge.kinesis.publisher import KinesisPublisher, PublisherSettings
from tests.fuzz.aws_endpoint import KEYS, Endpoint


@pytest.fixture(scope="module")
def endpoint():
    made = Endpoint()
    with pytest.MonkeyPatch.context() as patched:

        def send(session, request):  # a function becomes a method of each session
            return made.send(session, request)

        patched.setattr(URLLib3Session, "send", send)
        patched.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)  # the pause between two attempts
        yield made


@pytest.fixture(scope="module")
def publisher():
    made = KinesisPublisher(PublisherSettings("us-east-1", Authentication("token", KEYS), endpoint_url="http://k"))
    yield made
    made.close()
