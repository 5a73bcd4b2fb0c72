"""A role for an OIDC token, alone and as the source of another role.

The emulator of AWS checks who may assume a role.
"""

import base64
import json

import pytest

from bridge.aws.credentials import Authentication
from bridge.errors import Refused
from bridge.kinesis import client_cache
from bridge.kinesis.publisher import KinesisPublisher, PublisherSettings
from bridge.model import Destination, Record
from tests.harness.ministack import ACCOUNT, STREAM_ARN, MiniStack, allow

RECORDS = [Record(1, 1, "k", b"x")]
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/plant.example"


@pytest.fixture(scope="module")
def aws():
    """The role `direct` may write.

    The role `pod` may assume `writer`, which trusts only `pod` and requires an external ID.
    """
    with MiniStack() as stack:
        stack.stream("telemetry")
        stack.client("iam").create_open_id_connect_provider(
            Url="https://plant.example", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
        )
        write = allow("kinesis:PutRecords", STREAM_ARN + "telemetry")
        writer = f"arn:aws:iam::{ACCOUNT}:role/writer"
        stack.direct = stack.role("direct", by_token("edge"), write)
        stack.second = stack.role("second", by_token("edge-2"), write)
        stack.pod = stack.role("pod", by_token("edge"), allow("sts:AssumeRole", writer))
        condition = {"StringEquals": {"sts:ExternalId": "plant-1"}}
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": stack.pod}, "Condition": condition}
        stack.writer = stack.role("writer", trust, write)
        yield stack


def by_token(subject):
    """Return a trust policy for tokens of the provider with this subject."""
    condition = {"StringEquals": {"plant.example:sub": subject}}
    principal = {"Federated": PROVIDER}
    return {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": principal,
        "Condition": condition,
    }


def web_token(subject="edge"):
    """Return a JWT like that of an OIDC provider. The emulator reads its claims."""
    parts = [{"alg": "none"}, {"iss": "https://plant.example", "aud": "sts.amazonaws.com", "sub": subject}]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*coded, "c2lnbmVk"])


@pytest.fixture
def token_file(tmp_path):
    file = tmp_path / "token"
    file.write_text(web_token())
    return file


def publisher(aws, authentication):
    return KinesisPublisher(
        PublisherSettings("us-east-1", authentication, endpoint_url=aws.url, sts_endpoint_url=aws.url)
    )


def by_web(role_arn, token_file):
    return Authentication("web_identity", {"role_arn": role_arn, "token_file": str(token_file)})


def writer(aws, token_file, **settings):
    """Settings for the role `writer`. The role `pod` assumes it, and the token allows the role `pod`."""
    settings = {"role_arn": aws.writer, "external_id": "plant-1", "session_name": "press-shop", **settings}
    return publisher(aws, Authentication("assume_role", settings, by_web(aws.pod, token_file)))


def test_role_is_taken_on_for_a_web_token(aws, token_file):
    assert len(publisher(aws, by_web(aws.direct, token_file)).put_records("telemetry", RECORDS)) == 1


def test_token_that_is_not_there_is_named(aws, token_file):
    token_file.unlink()
    with pytest.raises(Refused) as refused:
        publisher(aws, by_web(aws.direct, token_file)).put_records("telemetry", RECORDS)
    assert str(token_file) in refused.value.detail


def test_role_that_does_not_trust_the_token_is_refused(aws, token_file):
    with pytest.raises(Refused) as refused:
        publisher(aws, by_web(aws.second, token_file)).put_records("telemetry", RECORDS)
    assert "sts:AssumeRoleWithWebIdentity" in refused.value.detail
    assert token_file.read_text() not in str(refused.value)


def test_token_can_be_the_source_of_another_role(aws, token_file):
    bridge = writer(aws, token_file)
    assert len(bridge.put_records("telemetry", RECORDS)) == 1
    assert bridge.whoami("telemetry") == f"arn:aws:sts::{ACCOUNT}:assumed-role/writer/press-shop"


def test_role_behind_the_token_may_not_write_by_itself(aws, token_file):
    with pytest.raises(Refused) as refused:
        publisher(aws, by_web(aws.pod, token_file)).put_records("telemetry", RECORDS)
    assert "allow kinesis:PutRecords" in refused.value.hint
    assert "assumed-role/pod" in refused.value.hint


def test_refused_role_of_two_is_named(aws, token_file):
    with pytest.raises(Refused) as refused:
        writer(aws, token_file, external_id="plant-2").put_records("telemetry", RECORDS)
    assert "type: assume_role" in refused.value.detail
    assert f"sts:AssumeRole on {aws.writer}" in refused.value.hint
    token_file.write_text(web_token("stranger"))
    with pytest.raises(Refused) as refused:
        writer(aws, token_file).put_records("telemetry", RECORDS)
    assert "type: web_identity" in refused.value.detail


def test_token_that_is_rotated_is_used_without_a_restart(aws, token_file, monkeypatch):
    """Replace the file in one step, as Kubernetes does."""
    monkeypatch.setattr(client_cache, "FILE_CHECK_SECS", 0.0)
    bridge = publisher(aws, by_web(aws.second, token_file))
    with pytest.raises(Refused):
        bridge.put_records("telemetry", RECORDS)
    following = token_file.with_name("next")
    following.write_text(web_token("edge-2"))
    following.replace(token_file)
    assert len(bridge.put_records("telemetry", RECORDS)) == 1


def test_token_that_is_rotated_below_a_role_gives_new_credentials(aws, token_file, monkeypatch):
    monkeypatch.setattr(client_cache, "FILE_CHECK_SECS", 0.0)
    bridge = writer(aws, token_file)
    bridge.put_records("telemetry", RECORDS)
    before = key(bridge)
    assert key(bridge) == before
    token_file.write_text(web_token("stranger"))
    assert key(bridge) == before, "a token that is refused takes away nothing"
    token_file.write_text(web_token() + " ")
    assert key(bridge) != before
    assert len(bridge.put_records("telemetry", RECORDS)) == 1


def key(bridge):
    return bridge._clients.of(Destination("telemetry")).credentials.get_frozen_credentials().access_key
