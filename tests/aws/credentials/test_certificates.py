"""The AWS IoT credentials provider and IAM Roles Anywhere: local TLS servers that respond as documented."""

import json

import pytest

from bridge.errors import Refused, Unavailable
from tests.aws.credentials.builders import credentials
from tests.aws.credentials.conftest import device
from tests.harness.certificates import Authority

ACCOUNT = "123456789012"


def iot(server, **settings):
    return credentials("iot", endpoint=f"127.0.0.1:{server.server_port}", role_alias="edge", **settings)


def test_devices_certificate_gives_credentials_by_its_role_alias(serve, authority):
    server = serve(verify=True)
    assert iot(server, thing_name="press-shop", **device(authority))[:3] == ("AKIDCERT", "cert-secret", "cert-token")
    [(path, peer, headers, _)] = server.seen
    assert path == "/role-aliases/edge/credentials"
    assert headers["x-amzn-iot-thingname"] == "press-shop"
    assert dict(pair for [pair] in peer["subject"])["commonName"] == "device"


@pytest.mark.parametrize(
    ("status", "words"), [(403, "iot:AssumeRoleWithCertificate"), (404, "role alias"), (400, "thing_name")]
)
def test_aws_iot_refusal_has_a_hint(serve, authority, status, words):
    server = serve(verify=True)
    server.answer = status, json.dumps({"message": "no"})
    with pytest.raises(Refused) as refused:
        iot(server, **device(authority))
    assert words in refused.value.hint


@pytest.mark.parametrize("status", [429, 500, 503])
def test_temporary_error_is_retried(serve, authority, status):
    server = serve(verify=True)
    server.answer = status, "busy"
    with pytest.raises(Unavailable):
        iot(server, **device(authority))


@pytest.mark.parametrize("body", ["<html>", "{}", '{"credentials": {"accessKeyId": "hunter2"}}'])
def test_answer_without_credentials_is_refused_and_not_shown(serve, authority, body):
    server = serve(verify=True)
    server.answer = 200, body
    with pytest.raises(Refused) as refused:
        iot(server, **device(authority))
    assert "describe-endpoint" in refused.value.hint
    assert "hunter2" not in str(refused.value)


def test_certificate_of_another_authority_gives_nothing(serve, authority, tmp_path):
    server = serve(verify=True)
    stranger = {**device(Authority(tmp_path / "other", "another")), "ca_file": str(authority.ca_file)}
    with pytest.raises((Refused, Unavailable)):
        iot(server, **stranger)
    assert server.seen == []


def test_endpoint_that_is_not_trusted_gets_nothing(serve, authority, tmp_path):
    server = serve(verify=True)
    settings = {**device(authority), "ca_file": str(Authority(tmp_path / "other").ca_file)}
    with pytest.raises(Refused) as refused:
        iot(server, **settings)
    assert "certificate" in refused.value.hint


def test_key_of_another_certificate_is_named(serve, authority):
    settings = device(authority) | {"key_file": str(authority.client("other")[1])}
    with pytest.raises(Refused) as refused:
        iot(serve(verify=True), **settings)
    assert "other.key" in refused.value.detail


def anywhere(server, authority, **settings):
    arn = f"arn:aws:rolesanywhere:us-east-1:{ACCOUNT}:"
    return credentials(
        "roles_anywhere",
        endpoint=f"127.0.0.1:{server.server_port}",
        trust_anchor_arn=f"{arn}trust-anchor/1",
        profile_arn=f"{arn}profile/1",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/edge",
        **(device(authority) | settings),
    )


def test_trust_anchors_certificate_gives_credentials(serve, authority):
    server = serve(verify=False)
    assert anywhere(server, authority, duration_secs=1800)[:3] == ("AKIDCERT", "cert-secret", "cert-token")
    [(path, _, headers, body)] = server.seen
    asked = json.loads(body)
    assert path == "/sessions"
    assert headers["Authorization"].startswith("AWS4-X509-ECDSA-SHA256 Credential=")
    assert (asked["roleArn"], asked["durationSeconds"]) == (f"arn:aws:iam::{ACCOUNT}:role/edge", 1800)


def test_roles_anywhere_refusal_has_a_hint(serve, authority):
    server = serve(verify=False)
    server.answer = 403, json.dumps({"message": "Untrusted certificate. Insufficient certificate"})
    with pytest.raises(Refused) as refused:
        anywhere(server, authority)
    assert "Untrusted certificate" in refused.value.detail
    assert "trust anchor" in refused.value.hint
    server.answer = 500, ""
    with pytest.raises(Unavailable):
        anywhere(server, authority)
