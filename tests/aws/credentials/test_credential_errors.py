"""Errors for wrong credentials, from an emulator of AWS that checks signatures, sessions and policies."""

import time

import pytest
from botocore.config import Config
from botocore.session import get_session

from bridge.aws.credentials import Authentication
from bridge.errors import Refused, Unavailable
from bridge.kinesis.publisher import KinesisPublisher, PublisherSettings
from tests.aws.credentials.builders import printing
from tests.aws.credentials.conftest import device
from tests.fakes.stream_queue import records
from tests.harness.ministack import ACCOUNT, STREAM_ARN, MiniStack, allow

EDGE = f"arn:aws:iam::{ACCOUNT}:user/edge"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/writer"
PAUSE_SECS = 0.02
"""Pause between two requests that succeed. Without it, the test would only load the machine."""


@pytest.fixture(scope="module")
def aws():
    """A user `edge` who may write to `telemetry` and assume the role `writer`.

    The role may also write to `telemetry`.
    """
    with MiniStack() as stack:
        stack.stream("telemetry")
        stack.stream("others")
        write = allow("kinesis:PutRecords", STREAM_ARN + "telemetry")
        stack.key = stack.user("edge", write, allow("sts:AssumeRole", ROLE))
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
        stack.role("writer", trust, write, allow("sts:AssumeRole", ROLE))
        stack.sts = sts_client(stack)
        yield stack


def publisher(aws, type_, source=None, **settings):
    return KinesisPublisher(
        PublisherSettings(
            "us-east-1", Authentication(type_, settings, source), endpoint_url=aws.url, sts_endpoint_url=aws.url
        )
    )


def sts_client(aws):
    """The credentials are created once, because this takes longer than botocore waits for the metadata service."""
    return get_session().create_client(
        "sts",
        region_name="us-east-1",
        endpoint_url=aws.url,
        aws_access_key_id=aws.key[0],
        aws_secret_access_key=aws.key[1],
        config=Config(parameter_validation=False),
    )


def session(aws, secs):
    """(access key id, secret, token, expiration) of the role, valid for `secs`.

    In AWS, the minimum is 15 minutes.
    """
    given = aws.sts.assume_role(RoleArn=ROLE, RoleSessionName="short", DurationSeconds=secs)["Credentials"]
    until = given["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")
    return given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], until


def key(aws, **other):
    return {"access_key_id": aws.key[0], "secret_access_key": aws.key[1]} | other


@pytest.mark.parametrize(
    ("wrong", "stream", "code", "words"),
    [
        ({"access_key_id": "AKIANOSUCHKEY1234567"}, "telemetry", "UnrecognizedClientException", "ends in 4567"),
        ({"secret_access_key": "wrong"}, "telemetry", "InvalidSignatureException", "check the secret of"),
        ({"session_token": "no session"}, "telemetry", "UnrecognizedClientException", "check kinesis.authentication"),
        ({}, "others", "AccessDeniedException", f"allow kinesis:PutRecords on {STREAM_ARN}others to {EDGE}"),
        ({}, "telemetri", "AccessDeniedException", f"allow kinesis:PutRecords on {STREAM_ARN}telemetri to {EDGE}"),
    ],
)
def test_wrong_credentials_are_reported_with_a_hint(aws, wrong, stream, code, words):
    with pytest.raises(Refused) as refused:
        publisher(aws, "token", **key(aws, **wrong)).put_records(stream, records(1))
    assert refused.value.code == code
    assert words in refused.value.hint
    assert aws.key[1] not in f"{refused.value} {refused.value.hint}"


def test_session_that_has_ended_needs_new_credentials(aws):
    access_key_id, secret, token, _ = session(aws, 4)
    used = publisher(aws, "token", access_key_id=access_key_id, secret_access_key=secret, session_token=token)
    assert len(used.put_records("telemetry", records(1))) == 1
    time.sleep(4.1)
    with pytest.raises(Refused) as refused:
        used.put_records("telemetry", records(1))
    assert "has expired" in refused.value.detail
    assert "provide new credentials" in refused.value.hint


def test_session_is_renewed_while_records_flow_and_none_fails(aws):
    used = publisher(aws, "assume_role", Authentication("token", key(aws)), role_arn=ROLE, duration_secs=2)
    ends, until = set(), time.monotonic() + 5.0
    while time.monotonic() < until:
        assert len(used.put_records("telemetry", records(1))) == 1
        ends.add(used.credentials_expire_at)
        time.sleep(PAUSE_SECS)
    assert len(ends) >= 3


class Sources:
    """Source for every other type: it returns the user's key, or a session of the role if the type returns sessions."""

    def __init__(self, aws, folder, monkeypatch):
        self.aws, self.folder, self.monkeypatch = aws, folder, monkeypatch
        self.secs, self.given = 3600, 0

    def give(self):
        self.given += 1
        return session(self.aws, self.secs)

    def token(self, *_):
        return Authentication("token", key(self.aws))

    def process(self, *_):
        answer = {"Version": 1, "AccessKeyId": self.aws.key[0], "SecretAccessKey": self.aws.key[1]}
        return Authentication("process", {"command": printing(self.folder, answer)})

    def default(self, *_):
        for name, value in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), self.aws.key, strict=True):
            self.monkeypatch.setenv(name, value)
        return Authentication("default")

    def profile(self, *_):
        file = self.folder / "credentials"
        file.write_text("[plant]\naws_access_key_id = {}\naws_secret_access_key = {}\n".format(*self.aws.key))
        self.monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
        return Authentication("profile", {"name": "plant"})

    def ec2_role(self, metadata, *_):
        metadata.give = self.give
        return Authentication("ec2_role")

    def iot(self, _metadata, serve, authority):
        return Authentication("iot", {**self._endpoint(serve, verify=True), "role_alias": "edge", **device(authority)})

    def roles_anywhere(self, _metadata, serve, authority):
        arn = f"arn:aws:rolesanywhere:us-east-1:{ACCOUNT}:"
        arns = {"trust_anchor_arn": f"{arn}trust-anchor/1", "profile_arn": f"{arn}profile/1", "role_arn": ROLE}
        return Authentication("roles_anywhere", {**self._endpoint(serve, verify=False), **arns, **device(authority)})

    def _endpoint(self, serve, *, verify):
        server = serve(verify=verify)
        server.give = self.give
        return {"endpoint": f"127.0.0.1:{server.server_port}"}


@pytest.mark.parametrize("kind", ["iot", "roles_anywhere"])
def test_temporary_credentials_are_renewed_while_records_flow(
    kind, aws, tmp_path, serve, authority, metadata, monkeypatch
):
    made = Sources(aws, tmp_path, monkeypatch)
    made.secs = 2
    used = publisher(aws, kind, **getattr(made, kind)(metadata, serve, authority).settings)
    until = time.monotonic() + 2.2
    while time.monotonic() < until:
        assert len(used.put_records("telemetry", records(1))) == 1
        time.sleep(PAUSE_SECS)
    assert made.given >= 2


def test_credentials_that_expire_early_are_renewed_for_the_next_request(aws, tmp_path, metadata, monkeypatch):
    """After their expiry, botocore uses the credentials of an instance for some more minutes."""
    made = Sources(aws, tmp_path, monkeypatch)
    made.secs = 4
    used = publisher(aws, "ec2_role", **made.ec2_role(metadata).settings)
    assert len(used.put_records("telemetry", records(1))) == 1
    time.sleep(4.1)
    with pytest.raises(Unavailable):
        used.put_records("telemetry", records(1))
    assert len(used.put_records("telemetry", records(1))) == 1


@pytest.mark.parametrize("kind", ["token", "process", "default", "profile", "ec2_role", "iot", "roles_anywhere"])
def test_authentication_of_every_type_writes_and_is_the_source_of_a_role(
    kind, aws, tmp_path, serve, authority, metadata, monkeypatch
):
    source = getattr(Sources(aws, tmp_path, monkeypatch), kind)(metadata, serve, authority)
    assert len(publisher(aws, kind, **source.settings).put_records("telemetry", records(1))) == 1
    role = publisher(aws, "assume_role", source, role_arn=ROLE, session_name="over")
    assert len(role.put_records("telemetry", records(1))) == 1
    assert role.whoami("telemetry") == f"arn:aws:sts::{ACCOUNT}:assumed-role/writer/over"
