"""Slightly wrong responses of credential sources: each results in credentials, or in an error of the bridge.

`make fuzz` generates 10,000 of each kind. No error may contain a secret.
"""

from functools import partial

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.aws.client_factory import EndpointSettings
from bridge.aws.credentials import Authentication, authenticated_session, process
from tests.fuzz.aws_endpoint import HEADERS, KEYS, STATUSES, or_error, respond
from tests.fuzz.mutated_json import nearly_json
from tests.fuzz.mutation import nearly
from tests.harness.certificates import Authority

SIGN_IN = b"<html>Sign in</html>"
STS_ERROR = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
ASSUMED = (
    b'<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
    b"<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>hunter2</SecretAccessKey><SessionToken>t</SessionToken>"
    b"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)
IMDS = {"AccessKeyId": "A", "SecretAccessKey": "hunter2", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}
CONTAINER = IMDS | {"RoleArn": "arn:aws:iam::000000000000:role/edge"}
IOT = {
    "credentials": {
        "accessKeyId": "A",
        "secretAccessKey": "hunter2",
        "sessionToken": "t",
        "expiration": "2099-01-01T00:00:00Z",
    }
}
IDENTITY = (
    b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    b"<Arn>arn:aws:sts::000000000000:assumed-role/edge/mqtt-kinesis</Arn><UserId>A:b</UserId>"
    b"<Account>000000000000</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)
PROCESS = {"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "hunter2", "SessionToken": "t"} | {
    "Expiration": "2099-01-01T00:00:00Z"
}
ANYWHERE = {"credentialSet": [IOT | {"roleArn": "arn:aws:iam::000000000000:role/edge"}]}


def frozen(kind, **fields):
    credentials = authenticated_session(Authentication(kind, fields), EndpointSettings("us-east-1")).get_credentials()
    return credentials.get_frozen_credentials()


def check_credentials(kind, **fields):
    """Check that every part of the credentials is valid in a header, or that the error contains no secret."""
    credentials = or_error(partial(frozen, kind, **fields)) or ()
    check_parts(credentials)
    return bool(credentials)


def check_parts(credentials):
    for part in credentials:
        assert part is None or (type(part) is str and part.isascii() and part.isprintable())


def for_all(attempt, good, *found, **strategies):
    """Attempt a valid response, which must result in credentials, and then slightly wrong responses.

    The responses in `found` were bugs, and come first. Once, an error contained the credentials of a response with an
    unexpected status.
    """
    assert attempt(**good)
    for each in found:
        attempt(**each)
    if "status" in good:
        attempt(**good | {"status": 300})
        attempt(**good | {"status": 500, "body": good["body"][1:]})

    @given(**strategies)
    def check(**drawn):
        attempt(**drawn)

    check()


RESPONSES = {"status": STATUSES, "headers": HEADERS}


def response(body):
    return {"status": 200, "headers": {}, "body": body}


@pytest.fixture
def sts(monkeypatch):
    """Use one client of STS for all requests, because the creation of a client takes 20 ms."""
    made = EndpointSettings("us-east-1")
    client = made.client(authenticated_session(Authentication("token", KEYS), made), "sts")
    monkeypatch.setattr(EndpointSettings, "client", lambda *_, **__: client)


@pytest.mark.usefixtures("sts")
@pytest.mark.parametrize("kind", ["assume_role", "web_identity"])
def test_sts_response_is_credentials_or_an_error(endpoint, tmp_path, kind):
    token_file = tmp_path / "token"
    token_file.write_text("a.b.c")
    settings = {"role_arn": "arn:aws:iam::000000000000:role/edge"}
    settings |= {"token_file": str(token_file)} if kind == "web_identity" else {}
    role = Authentication(kind, settings, Authentication("token", KEYS) if kind == "assume_role" else None)
    good = ASSUMED if kind == "assume_role" else ASSUMED.replace(b"AssumeRole", b"AssumeRoleWithWebIdentity")

    def attempt(status, headers, body):
        respond(endpoint, status, headers, body)
        session = or_error(authenticated_session, role, EndpointSettings("us-east-1"))
        if session is not None:
            check_parts(session.get_credentials().get_frozen_credentials())
        return session

    for_all(attempt, response(good), **RESPONSES, body=nearly(good, STS_ERROR, SIGN_IN, b""))


@pytest.mark.usefixtures("sts")
def test_caller_identity_is_an_arn_or_an_error(endpoint, publisher):
    def attempt(status, headers, body):
        respond(endpoint, status, headers, body)
        found = or_error(publisher.whoami, "telemetry")
        if found is not None:
            assert found.isprintable()
            assert 0 < len(found) < 3000
        return found

    found = [response(IDENTITY.replace(b"arn:", arn)) for arn in (b"\x7frn:", b"")]
    for_all(attempt, response(IDENTITY), *found, **RESPONSES, body=nearly(IDENTITY, STS_ERROR, SIGN_IN, b""))


def test_output_of_a_process_is_credentials_or_an_error(monkeypatch):
    def attempt(output):
        # Replace the process by its output, because a start takes 2 ms. Other tests start real processes.
        monkeypatch.setattr(process, "_output_of", lambda _words, _environment: output)
        return check_credentials("process", command="vault read")

    for_all(attempt, {"output": orjson.dumps(PROCESS)}, output=nearly_json(PROCESS))


def test_roles_anywhere_response_is_credentials_or_an_error(endpoint, tmp_path):
    cert_file, key_file = map(str, Authority(tmp_path).client("device"))
    arn = "arn:aws:rolesanywhere:us-east-1:000000000000:"
    settings = {
        "endpoint": "anywhere",
        "trust_anchor_arn": f"{arn}trust-anchor/1",
        "profile_arn": f"{arn}profile/1",
        "role_arn": "arn:aws:iam::000000000000:role/edge",
        "cert_file": cert_file,
        "key_file": key_file,
    }

    def attempt(status, headers, body):
        respond(endpoint, 201 if status == 200 else status, headers, body)
        return check_credentials("roles_anywhere", **settings)

    bodies = nearly_json(ANYWHERE) | nearly_json({"message": "Untrusted certificate"})
    found = response(orjson.dumps(ANYWHERE).replace(b'"sessionToken":"t"', b'"sessionToken":[]'))
    for_all(attempt, response(orjson.dumps(ANYWHERE)), found, **RESPONSES, body=bodies)


def test_instance_metadata_is_credentials_or_an_error(endpoint, monkeypatch):
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)

    def attempt(status, headers, body, role=b"edge-role", token=b"a-token"):
        def answer(request):
            if request.method == "PUT":
                return 200, {}, token
            return (200, {}, role) if request.url.endswith("security-credentials/") else (status, headers, body)

        endpoint.answer = answer
        return check_credentials("ec2_role")

    roles, tokens = (nearly(each) | st.just(each) for each in (b"edge-role", b"a-token"))
    good = response(orjson.dumps(IMDS))
    found = response(orjson.dumps(IMDS | {"Token": False}))
    for_all(attempt, good, found, **RESPONSES, body=nearly_json(IMDS), role=roles, token=tokens)


def test_container_response_is_credentials_or_an_error(endpoint, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/credentials")

    def attempt(status, headers, body):
        respond(endpoint, status, headers, body)
        return check_credentials("default")

    found = response(orjson.dumps(CONTAINER | {"Token": False}))
    for_all(attempt, response(orjson.dumps(CONTAINER)), found, **RESPONSES, body=nearly_json(CONTAINER))


def test_iot_response_is_credentials_or_an_error(endpoint, tmp_path):
    authority = Authority(tmp_path)
    cert_file, key_file = map(str, authority.client("device"))

    def attempt(status, headers, body):
        respond(endpoint, status, headers, body)
        return check_credentials("iot", endpoint="iot", role_alias="edge", cert_file=cert_file, key_file=key_file)

    for_all(attempt, response(orjson.dumps(IOT)), **RESPONSES, body=nearly_json(IOT))
