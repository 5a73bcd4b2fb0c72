"""Exact hosts, ports and proxies of each configuration."""

import botocore.session
import pytest

from bridge.aws.client_factory import region_of
from bridge.aws.credentials import Authentication
from bridge.aws.credentials.credential_endpoints import unlisted_types
from bridge.errors import Unavailable
from bridge.kinesis.client_cache import PublisherSettings
from bridge.kinesis.service_endpoints import ServiceEndpoint, date_at, service_endpoints
from bridge.model import Destination
from tests.fakes.kinesis import KinesisStandIn

TOKEN = Authentication("token", {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret"})
ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/press"
DOCTORS = "STS: identity of the bridge (doctor and policy only)"


@pytest.fixture(scope="module")
def loader():
    """Return a botocore session for all tests, because reading its models takes time."""
    return botocore.session.get_session().get_component("data_loader")


@pytest.fixture(autouse=True)
def quick(monkeypatch, loader):
    made = botocore.session.get_session

    def get_session():
        session = made()
        session.register_component("data_loader", loader)
        return session

    monkeypatch.setattr(botocore.session, "get_session", get_session)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def asked(*destinations, region="us-east-1", authentication=TOKEN, **settings):
    how = PublisherSettings(region, authentication, **settings)
    return {
        each.url.removeprefix("https://"): each.use
        for each in service_endpoints(how, destinations or [Destination("press")])
    }


def test_kinesis_is_requested_in_each_region_and_sts_once():
    assert asked(Destination("press"), Destination("mill", region="eu-central-1"), Destination("mill")) == {
        "kinesis.us-east-1.amazonaws.com": "Kinesis",
        "kinesis.eu-central-1.amazonaws.com": "Kinesis",
        "sts.us-east-1.amazonaws.com": DOCTORS,
    }


@pytest.mark.parametrize(
    ("settings", "records", "questions"),
    [
        ({}, "data-kinesis.eu-west-1.amazonaws.com", "control-kinesis.eu-west-1.amazonaws.com"),
        ({"fips": True}, "data-kinesis-fips.eu-west-1.amazonaws.com", "control-kinesis-fips.eu-west-1.amazonaws.com"),
        ({"dual_stack": True}, "data-kinesis.eu-west-1.api.aws", "control-kinesis.eu-west-1.api.aws"),
        (
            {"fips": True, "dual_stack": True},
            "data-kinesis-fips.eu-west-1.api.aws",
            "control-kinesis-fips.eu-west-1.api.aws",
        ),
    ],
)
def test_stream_named_by_arn_uses_the_endpoints_of_its_account(settings, records, questions):
    found = asked(Destination(ARN), **settings)
    assert found[f"123456789012.{records}"] == "Kinesis: records"
    assert found[f"123456789012.{questions}"] == "Kinesis: shards and limits"


@pytest.mark.parametrize(
    ("region", "settings", "kinesis"),
    [
        ("us-gov-west-1", {"fips": True}, "kinesis.us-gov-west-1.amazonaws.com"),
        ("us-west-2", {"fips": True}, "kinesis-fips.us-west-2.amazonaws.com"),
        ("us-west-2", {"dual_stack": True}, "kinesis.us-west-2.api.aws"),
        ("cn-north-1", {}, "kinesis.cn-north-1.amazonaws.com.cn"),
        ("ap-southeast-2", {}, "kinesis.ap-southeast-2.amazonaws.com"),
    ],
)
def test_endpoint_follows_the_aws_partition(region, settings, kinesis):
    assert next(iter(asked(region=region, **settings))) == kinesis


def test_configured_endpoint_replaces_that_of_aws():
    found = asked(
        Destination("press"),
        Destination(ARN),
        endpoint_url="https://vpce-1.kinesis.{region}.vpce.amazonaws.com:8443",
        sts_endpoint_url="https://vpce-2.sts.us-east-1.vpce.amazonaws.com",
    )
    assert list(found) == [
        "vpce-1.kinesis.us-east-1.vpce.amazonaws.com:8443",
        "vpce-1.kinesis.eu-west-1.vpce.amazonaws.com:8443",
        "vpce-2.sts.us-east-1.vpce.amazonaws.com",
    ]
    [place] = service_endpoints(  # an emulator, which has no STS
        PublisherSettings("us-east-1", TOKEN, endpoint_url="https://a.test:8443"), [Destination("x")]
    )
    assert (place.host, place.port) == ("a.test", 8443)


def anywhere(region, partition="aws"):
    arn = f"arn:{partition}:rolesanywhere:{region}:123456789012:trust-anchor/1"
    return Authentication("roles_anywhere", {"trust_anchor_arn": arn})


IOT = Authentication("iot", {"endpoint": "c1.credentials.iot.eu-west-1.amazonaws.com"})


@pytest.mark.parametrize(
    ("authentication", "settings", "expected"),
    [
        (IOT, {}, {"c1.credentials.iot.eu-west-1.amazonaws.com": "AWS IoT"}),
        (anywhere("eu-west-1"), {}, {"rolesanywhere.eu-west-1.amazonaws.com": "IAM Roles Anywhere"}),
        (anywhere("us-east-2"), {"fips": True}, {"rolesanywhere-fips.us-east-2.amazonaws.com": "IAM Roles Anywhere"}),
        (Authentication("assume_role"), {"fips": True}, {"sts-fips.us-east-1.amazonaws.com": "STS: credentials"}),
        (Authentication("web_identity"), {}, {"sts.us-east-1.amazonaws.com": "STS: credentials"}),
        (
            Authentication("assume_role", {}, IOT),
            {},
            {"c1.credentials.iot.eu-west-1.amazonaws.com": "AWS IoT", "sts.us-east-1.amazonaws.com": "STS: cred"},
        ),
        (Authentication("ec2_role"), {}, {"http://169.254.169.254": "this instance's metadata"}),
        (TOKEN, {}, {}),
    ],
)
def test_endpoints_include_those_of_the_authentication_type(authentication, settings, expected):
    found = asked(authentication=authentication, **settings)
    bridges = {url: use for url, use in found.items() if use not in ("Kinesis", DOCTORS)}
    assert bridges.keys() == expected.keys()
    assert all(bridges[url].startswith(use) for url, use in expected.items())


def test_roles_of_outputs_are_named():
    found = asked(Destination("press", role_arn="arn:aws:iam::123456789012:role/writer"))
    assert found["sts.us-east-1.amazonaws.com"] == "STS: roles of outputs"


@pytest.mark.parametrize(
    ("authentication", "expected"),
    [
        (None, []),
        (TOKEN, []),
        (Authentication("profile", {"name": "plant"}), ["profile"]),
        (Authentication("assume_role", {}, Authentication("default")), ["default"]),
    ],
)
def test_types_whose_hosts_are_unknown_are_named(authentication, expected):
    assert unlisted_types(authentication) == expected


def test_metadata_endpoint_is_that_of_the_environment(monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/latest")
    assert "http://127.0.0.1:1338" in asked(authentication=Authentication("ec2_role"))


def test_proxy_is_named_without_its_password(monkeypatch):
    def proxy(**settings):
        return {
            each.proxy
            for each in service_endpoints(PublisherSettings("us-east-1", TOKEN, **settings), [Destination("x")])
        }

    assert proxy() == {""}
    assert proxy(proxy_url="http://plant:hunter2@proxy.plant.local:3128") == {"proxy.plant.local:3128"}
    monkeypatch.setenv("HTTPS_PROXY", "http://other.plant.local:8080")
    assert proxy() == {"other.plant.local:8080"}
    monkeypatch.setenv("NO_PROXY", "amazonaws.com")
    assert proxy() == {""}


def test_date_of_an_endpoint_is_returned_or_unavailable(free_port, monkeypatch):
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    how = PublisherSettings("us-east-1", TOKEN)
    with KinesisStandIn() as server:
        assert date_at(how, ServiceEndpoint(server.url, "Kinesis")).endswith(" GMT")
    with pytest.raises(Unavailable):
        date_at(how, ServiceEndpoint(f"http://127.0.0.1:{free_port}", "Kinesis"))


def test_region_is_the_output_s_or_the_stream_s_or_the_configuration_s():
    how = PublisherSettings("us-east-1", TOKEN)
    assert region_of(how, Destination("press")) == "us-east-1"
    assert region_of(how, Destination(ARN)) == "eu-west-1"
    assert region_of(how, Destination("press", region="eu-north-1")) == "eu-north-1"


def test_authorities_are_those_that_botocore_trusts(monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    assert PublisherSettings("us-east-1", TOKEN).trusted.endswith(".pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/all.pem")
    assert PublisherSettings("us-east-1", TOKEN).trusted == "/etc/all.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/plant.pem")
    assert PublisherSettings("us-east-1", TOKEN).trusted == "/etc/plant.pem"
    assert PublisherSettings("us-east-1", TOKEN, ca_file="/etc/proxy.pem").trusted == "/etc/proxy.pem"
