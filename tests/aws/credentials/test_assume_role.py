"""Assumed roles, with an emulator of AWS that checks signatures, IAM policies and trust policies."""

import time

import pytest

from bridge.aws.credentials import Authentication
from bridge.errors import Refused
from bridge.kinesis.publisher import KinesisPublisher, PublisherSettings
from bridge.model import Destination, Record
from tests.harness.ministack import ACCOUNT, STREAM_ARN, MiniStack, allow

RECORDS = [Record(1, 1, "k", b"x")]
EDGE = f"arn:aws:iam::{ACCOUNT}:user/edge"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/writer"


@pytest.fixture(scope="module")
def aws():
    """A user `edge` who may assume the role `writer`. The role may write to `telemetry` and requires an external ID."""
    with MiniStack() as stack:
        stack.stream("telemetry")
        stack.stream("abroad", "eu-west-1")
        stack.key = stack.user("edge", allow(["sts:AssumeRole", "sts:TagSession"], ROLE))
        condition = {"StringEquals": {"sts:ExternalId": "plant-1"}}
        trust = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": {"AWS": EDGE}}
        stack.role("writer", {**trust, "Condition": condition}, allow("kinesis:PutRecords", STREAM_ARN + "telemetry"))
        abroad = STREAM_ARN.replace("us-east-1", "eu-west-1") + "abroad"
        stack.abroad = stack.role("abroad", trust, allow("kinesis:PutRecords", abroad))
        yield stack


def publisher(aws, type_, source=None, **settings):
    authentication = Authentication(type_, settings, source)
    return KinesisPublisher(
        PublisherSettings("us-east-1", authentication, endpoint_url=aws.url, sts_endpoint_url=aws.url)
    )


def token(aws):
    return Authentication("token", {"access_key_id": aws.key[0], "secret_access_key": aws.key[1]})


def in_role(aws, **settings):
    return publisher(aws, "assume_role", token(aws), role_arn=ROLE, **settings)


def test_role_is_taken_on_with_its_external_id_and_tags(aws):
    writer = in_role(aws, external_id="plant-1", session_name="press-shop", tags={"plant": "pdx"}, duration_secs=1800)
    assert len(writer.put_records("telemetry", RECORDS)) == 1
    assert writer.whoami("telemetry") == f"arn:aws:sts::{ACCOUNT}:assumed-role/writer/press-shop"
    assert 1700 < writer.credentials_expire_at - time.time() < 1900


@pytest.mark.parametrize("settings", [{}, {"external_id": "plant-2"}])
def test_assume_role_without_external_id_names_role_and_user(aws, settings):
    with pytest.raises(Refused) as refused:
        in_role(aws, **settings).put_records("telemetry", RECORDS)
    assert f"allow sts:AssumeRole on {ROLE} to {EDGE}" in refused.value.hint
    assert "external_id" in refused.value.hint


def test_request_that_the_role_may_not_make_is_refused_by_the_roles_name(aws):
    with pytest.raises(Refused) as refused:
        in_role(aws, external_id="plant-1").put_records("elsewhere", RECORDS)
    assert f"allow kinesis:PutRecords on {STREAM_ARN}elsewhere to arn:aws:sts::" in refused.value.hint


def test_output_may_have_a_role_and_a_region_of_its_own(aws):
    writer = publisher(aws, "token", **token(aws).settings)
    aws.permit("edge", allow("sts:AssumeRole", [ROLE, aws.abroad]))
    abroad = Destination("abroad", region="eu-west-1", role_arn=aws.abroad)
    writer.put_records(str(abroad), RECORDS)
    assert aws.stored("abroad", "eu-west-1") == [b"x"]
    by_arn = Destination(STREAM_ARN.replace("us-east-1", "eu-west-1") + "abroad", role_arn=aws.abroad)
    writer.put_records(str(by_arn), RECORDS)
    assert aws.stored("abroad", "eu-west-1") == [b"x", b"x"]
