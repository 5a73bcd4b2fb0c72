"""Removal of secrets. A bundle goes to strangers, so the tests look for what remains of a secret."""

import json
import typing
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretBytes, SecretStr

from bridge.config.settings import Settings
from bridge.tools.support.redaction import REMOVED, Redactor, is_reference, secrets_in, without_secrets

MARK = "S3CRET"


def secret_fields(model, prefix=""):
    """Yield the names of all options that pydantic treats as secrets."""
    for name, field in model.model_fields.items():
        for part in parts_of(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from secret_fields(part, f"{prefix}{name}.")
            elif part in (SecretStr, SecretBytes):
                yield prefix + name


def parts_of(annotation):
    yield annotation
    for each in typing.get_args(annotation):
        yield from parts_of(each)


def test_redaction_removes_each_secret_option_of_the_configuration():
    paths = sorted(set(secret_fields(Settings)))
    assert len(paths) >= 6
    for path in (*paths, "kinesis.authentication.command", "kinesis.authentication.access_key_id"):
        value = MARK
        for name in reversed(path.split(".")):
            value = {name: value}
        assert MARK not in json.dumps(without_secrets(value)), path
        assert list(secrets_in(value, {})) == [MARK], path


def test_reference_with_a_default_is_removed():
    assert without_secrets({"mqtt": {"password": "${PASSWORD:-S3CRET}"}}) == {"mqtt": {"password": REMOVED}}


@pytest.mark.parametrize("password", ["S3CRET", "S3CRET@S3CRET", "S3CRET/S3CRET", "S3'CRET", r"S3\CRET", "S3%40CRET"])
@pytest.mark.parametrize(
    "text", ["at http://me:{}@host/x", "'mqtt://me:{}@host' failed", '{{"url": "mqtt://me:{}@host"}}']
)
def test_user_name_and_password_of_a_url_are_removed(text, password):
    assert Redactor([]).clean(text.format(password)) == text.format("me").replace("me:me", REMOVED)


def test_url_password_with_a_quotation_mark_is_removed_from_json():
    cleaned = Redactor([]).clean(json.dumps({"url": 'mqtt://me:S3"CRET@host', "mail": "a@b"}))
    assert json.loads(cleaned) == {"url": f"mqtt://{REMOVED}@host", "mail": "a@b"}


@pytest.mark.parametrize("text", ["a@b and http://host/x and c@d", '{"url":"mqtt://h:1883","user":"a@b"}'])
def test_text_without_a_password_is_unchanged(text):
    assert Redactor([]).clean(text) == text


@given(st.text("aé'\"\\/ +\n\U0001f600", min_size=4))
def test_redactor_removes_every_form_of_a_secret(secret):
    redactor = Redactor([secret])
    assert redactor.clean(secret) == redactor.clean(quote(secret, safe="")) == REMOVED
    for quoted in (json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)):
        assert redactor.clean(quoted)[1:-1] == REMOVED


def test_redactor_removes_the_longer_of_two_secrets_first():
    assert Redactor(["plant", "plant-7"]).clean("plant-7 plant") == f"{REMOVED} {REMOVED}"


def test_redactor_ignores_empty_secrets():
    assert Redactor(["", "a-secret"]).clean("an a-secret") == f"an {REMOVED}"


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("http://me:pass-1@proxy:3128", "pass-1"),
        ("http://me:pa%40ss@proxy:3128", "pa@ss"),
        ("http://me:pa@ss@proxy:3128", "pa@ss"),
        ("http://me:pa/ss@proxy:3128", "pa/ss"),
        ("http://me:pass-1@proxy:3128/x?mail=a@b", "pass-1"),
    ],
)
def test_secrets_contain_the_password_of_a_proxy_alone(url, password):
    assert {url, password} <= set(secrets_in({"kinesis": {"proxy_url": url}}, {}))


def test_secrets_contain_variables_and_unknown_options_of_some_length():
    data = {"unknown": {"pin": 1234, "on": True, "n": 12, "list": ["secret-1"]}, "mqtt": {"client_id": "press"}}
    environ = {"MQTT_PASSWORD": "secret-2", "HOME": "/root"}
    assert sorted(secrets_in(data, environ)) == ["1234", "secret-1", "secret-2"]


def test_configuration_without_secrets_has_its_public_options():
    data = {
        "mqtt": {"url": ["mqtt://a", "mqtt://b"], "keepalive_secs": 30, "password": "${file:/run/secrets/mqtt}"},
        "http": None,
        7: {"x": 1.5, "on": True},
    }
    assert without_secrets(data) == {**{k: v for k, v in data.items() if k != 7}, "7": {"x": REMOVED, "on": True}}


@pytest.mark.parametrize("text", ["${A}${B}", "x${A}", "${A}x", "${A:-x}", "", "$A", "${${A}}"])
def test_reference_with_other_text_is_treated_as_a_secret(text):
    assert not is_reference(text)
