import pytest

from tests.config.builders import MQTT, loaded, problems

TYPES = "'token', 'ec2_role', 'default', 'profile', 'process', 'assume_role', 'web_identity', 'iot' or 'roles_anywhere'"


def kinesis(folder, text, environ=None):
    return loaded(folder, f"{MQTT}kinesis:\n  region: us-east-1\n  {text}\n", environ).kinesis


def found(folder, text, environ=None):
    return problems(folder, f"{MQTT}kinesis:\n  region: us-east-1\n  {text}\n", environ)


@pytest.mark.parametrize(
    "region", ["eu-central-1", "us-gov-west-1", "cn-northwest-1", "us-isob-east-1", "eusc-de-east-1"]
)
def test_regions_of_every_partition_are_taken(tmp_path, region):
    assert loaded(tmp_path, f"{MQTT}kinesis: {{region: {region}}}").kinesis.region == region


@pytest.mark.parametrize("region", ["US-EAST-1", "us-east-1a", "frankfurt", "''", "us_east_1", "us-east-1 "])
def test_region_that_is_invalid_is_refused(tmp_path, region):
    if region.endswith(" "):
        region = f"'{region}'"
    [problem] = problems(tmp_path, f"{MQTT}kinesis: {{region: {region}}}")
    assert problem.startswith("2:11: kinesis.region: expected an AWS region, such as us-east-1, found")


def test_access_key_and_its_settings(tmp_path):
    environ = {"ID": "AKIA1", "SECRET": "s/+:# '"}
    text = "authentication: {type: token, access_key_id: '${ID}', secret_access_key: '${SECRET}'}"
    authentication = kinesis(tmp_path, text, environ).authentication
    assert authentication.type == "token"
    assert authentication.plain() == {"access_key_id": "AKIA1", "secret_access_key": "s/+:# '"}


def test_temporary_credentials_have_a_session_token(tmp_path):
    text = "authentication: {type: token, access_key_id: A, secret_access_key: b, session_token: c}"
    assert kinesis(tmp_path, text).authentication.plain()["session_token"] == "c"


@pytest.mark.parametrize("name", ["ec2_role", "default"])
def test_types_without_settings(tmp_path, name):
    authentication = kinesis(tmp_path, f"authentication: {{type: {name}}}").authentication
    assert (authentication.type, authentication.plain()) == (name, {})


def test_authentication_defaults_to_that_of_the_aws_command_line(tmp_path):
    assert kinesis(tmp_path, "linger_ms: 0").authentication.type == "default"


def test_unknown_type_lists_those_there_are(tmp_path):
    assert found(tmp_path, "authentication: {type: tocken, access_key_id: A}") == [
        f"4:20: kinesis.authentication.type: expected {TYPES}, found 'tocken'; did you mean 'token'?"
    ]


def test_missing_type_is_requested(tmp_path):
    assert found(tmp_path, "authentication: {}") == [f"4:3: kinesis.authentication.type: missing; expected {TYPES}"]


def test_settings_of_another_type_are_unknown(tmp_path):
    assert found(tmp_path, "authentication: {type: ec2_role, access_key_id: A}") == [
        "4:36: kinesis.authentication.access_key_id: unknown key; expected type"
    ]


def test_credentials_of_the_wrong_shape_are_refused_and_not_shown(tmp_path):
    text = "authentication: {type: token, access_key_id: '${ID}', secret_access_key: '${SECRET}'}"
    key_id, secret = found(tmp_path, text, {"ID": "hunter2 x", "SECRET": ""})
    assert key_id.endswith("access_key_id: expected an access key ID: letters and digits, but ${ID} has another value")
    assert secret.endswith("secret_access_key: expected text of at least one character, but ${SECRET} is empty")


@pytest.mark.parametrize(
    "url", ["https://vpce-1.kinesis.us-east-1.vpce.amazonaws.com", "http://127.0.0.1:4567", "http://[::1]:1/"]
)
def test_endpoint_url_may_be_given(tmp_path, url):
    assert kinesis(tmp_path, f"endpoint_url: '{url}'").endpoint_url == url


@pytest.mark.parametrize(
    "url", ["kinesis.local", "ftp://a", "http://", "https://u:hunter2@a", "http://a:x", "http://a?b", "http://a b"]
)
def test_endpoint_url_that_is_invalid_is_refused_and_not_shown(tmp_path, url):
    [problem] = found(tmp_path, f"endpoint_url: {url}")
    assert problem.startswith("4:3: kinesis.endpoint_url: expected https://host or http://host")
    assert "hunter2" not in problem


@pytest.mark.parametrize(("option", "low", "high"), [("requests_in_flight", 1, 32), ("linger_ms", 0, 60_000)])
def test_numbers_have_their_limits(tmp_path, option, low, high):
    for value in (low, high):
        assert getattr(kinesis(tmp_path, f"{option}: {value}"), option) == value
    for value in (low - 1, high + 1):
        assert found(tmp_path, f"{option}: {value}") == [
            f"4:3: kinesis.{option}: expected a whole number from {low} to {high}, found {value}"
        ]


@pytest.mark.parametrize("login", ["plant:hunter2Ü", "plant:hunter2%C3%9C"])
def test_password_that_no_proxy_understands_is_refused_unseen(tmp_path, login):
    [problem] = found(tmp_path, f"proxy_url: http://{login}@proxy:3128")
    assert "ASCII" in problem
    assert "hunter2" not in problem
