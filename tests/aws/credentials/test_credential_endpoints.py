from types import SimpleNamespace

import botocore.session
import pytest

from bridge.aws.client_factory import EndpointSettings
from bridge.aws.credentials import AUTHENTICATION, Authentication
from bridge.aws.credentials.credential_endpoints import UNLISTED, anywhere_url, endpoints_used, unlisted_types

IOT = Authentication("iot", {"endpoint": "c1.iot:8443"})
ANCHOR = {"trust_anchor_arn": "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/1"}
STS = "https://sts.test"


class Endpoints:
    """Endpoint settings whose clients have the URL https://SERVICE.test, and are not signed."""

    fips = False

    def client(self, session, service, region="", *, signed=True):
        assert not signed, "the session has no credentials"
        return SimpleNamespace(meta=SimpleNamespace(endpoint_url=f"https://{service}.test"))


class Session(dict):
    """A botocore session with these configuration variables."""

    def get_config_variable(self, name):
        return self.get(name)


def urls(authentication, **variables):
    return [each.url for each in endpoints_used(Session(variables), authentication, Endpoints())]


@pytest.mark.parametrize("name", AUTHENTICATION)
def test_endpoints_of_each_type_are_listed_or_known_to_be_unlisted(name):
    settings = {"endpoint": "c1.iot:8443", **ANCHOR}
    listed = urls(Authentication(name, settings))
    assert bool(listed) == (name not in UNLISTED | {"token"})
    assert unlisted_types(Authentication(name)) == ([name] if name in UNLISTED else [])


def test_endpoints_of_the_source_are_listed_first():
    assert urls(Authentication("assume_role", {}, IOT)) == ["https://c1.iot:8443", STS]
    assert urls(Authentication("assume_role", {}, Authentication("profile"))) == [STS]


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://169.254.169.254"),
        ({"ec2_metadata_service_endpoint_mode": "ipv6"}, "http://[fd00:ec2::254]"),
        ({"imds_use_ipv6": True}, "http://[fd00:ec2::254]"),
        ({"ec2_metadata_service_endpoint": "http://127.0.0.1:1338/a/b"}, "http://127.0.0.1:1338"),
        ({"ec2_metadata_service_endpoint": "http://[::1]:1338/"}, "http://[::1]:1338"),
    ],
)
def test_endpoint_of_the_instance_follows_the_configuration(variables, url):
    assert urls(Authentication("ec2_role"), **variables) == [url]


@pytest.mark.parametrize(
    ("settings", "fips", "url"),
    [
        (ANCHOR, False, "https://rolesanywhere.eu-west-1.amazonaws.com"),
        (ANCHOR, True, "https://rolesanywhere-fips.eu-west-1.amazonaws.com"),
        ({**ANCHOR, "endpoint": "127.0.0.1:8443"}, True, "https://127.0.0.1:8443"),
    ],
)
def test_anywhere_url_is_in_the_region_of_the_trust_anchor(settings, fips, url):
    endpoints = EndpointSettings("us-east-1", fips=fips, dual_stack=True)
    assert anywhere_url(botocore.session.get_session(), settings, endpoints) == url


def test_unlisted_types_are_those_of_all_sources():
    chain = Authentication("process", {}, Authentication("assume_role", {}, Authentication("default")))
    assert unlisted_types(chain) == ["process", "default"]
    assert unlisted_types(None) == []
