import pytest

from tests.config.builders import MQTT, loaded, problems


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


def test_authentication_defaults_to_that_of_the_aws_command_line(tmp_path):
    assert kinesis(tmp_path, "linger_ms: 0").authentication.type == "default"


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
