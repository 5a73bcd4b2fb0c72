import pytest

from bridge.aws.client_factory import EndpointSettings
from bridge.aws.credentials import Authentication, authenticated_session, providers
from bridge.aws.credentials.providers import session_with

TOKEN = Authentication("token", {"access_key_id": "AKIA1", "secret_access_key": "s"})
ENDPOINTS = EndpointSettings("us-east-1")


def test_authenticated_session_signs_with_the_credentials_of_its_source(monkeypatch):
    seen = []

    def load(settings, endpoints, session):
        seen.append((settings, endpoints, session.get_credentials().get_frozen_credentials().access_key))
        return "assumed"

    monkeypatch.setattr(providers, "AUTHENTICATION", {**providers.AUTHENTICATION, "assume_role": load})
    session = authenticated_session(Authentication("assume_role", {"role_arn": "r"}, TOKEN), ENDPOINTS)
    assert session.get_credentials() == "assumed"
    assert seen == [({"role_arn": "r"}, ENDPOINTS, "AKIA1")]


def test_session_has_only_the_given_credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    first, second = session_with("one"), session_with(None)
    assert (first.get_credentials(), second.get_credentials()) == ("one", None)


def test_session_of_an_unknown_type_is_an_error():
    with pytest.raises(KeyError):
        authenticated_session(Authentication("tocken"), ENDPOINTS)
