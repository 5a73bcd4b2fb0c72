"""Settings of the status page. tests/config reads them from a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.web.settings import EXAMPLE_TOKEN, LOOPBACK, MIN_TOKEN_CHARS, HttpSettings

TOKEN = "t" * MIN_TOKEN_CHARS


def refused(**options):
    with pytest.raises(ValidationError) as caught:
        HttpSettings(**options)
    return str(caught.value)


@given(st.sampled_from(["127.0.0.1", "localhost", "[::1]"]), st.integers(0, 65_535))
def test_listen_on_loopback_of_any_port_needs_no_token(host, port):
    settings = HttpSettings(listen=f"{host}:{port}")
    assert settings.host in LOOPBACK
    assert settings.port == port


@given(st.text(max_size=12))
def test_listen_of_any_text_is_refused_or_has_host_and_port(text):
    try:
        settings = HttpSettings(listen=text, token=TOKEN)
    except ValidationError:
        return
    assert settings.host
    assert 0 <= settings.port <= 65_535


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:1", "[::]:1", "127.0.0.2:1", "LOCALHOST:1", "localhost.:1", "0:1", "[::ffff:127.0.0.1]:1"]
)
def test_listen_on_any_other_host_needs_a_token(listen):
    assert "requires a token: set http.token" in refused(listen=listen)
    assert HttpSettings(listen=listen, view_token=TOKEN).port == 1


@pytest.mark.parametrize("port", ["65536", "065535", "0" * 5_000, "-1", "", " 1", "1.0", "\u0663"])
def test_listen_on_a_port_that_does_not_exist_is_refused(port):
    assert "expected host:port" in refused(listen=f"127.0.0.1:{port}")


@pytest.mark.parametrize("name", ["token", "view_token"])
def test_token_has_a_minimum_length(name):
    assert name in refused(**{name: TOKEN[1:]})
    assert getattr(HttpSettings(**{name: TOKEN}), name).get_secret_value() == TOKEN


def test_token_that_is_also_the_view_token_is_refused():
    assert "all viewers could edit" in refused(token=TOKEN, view_token=TOKEN)


@pytest.mark.parametrize("name", ["token", "view_token"])
def test_token_that_begins_like_the_example_is_refused(name):
    text = refused(**{name: f"{EXAMPLE_TOKEN}-{TOKEN}"})
    assert f"{name} is the example's token" in text
    assert TOKEN not in text


@pytest.mark.parametrize("name", ["cert_file", "key_file"])
def test_certificate_without_its_key_is_refused(tmp_path, name):
    file = tmp_path / "page.pem"
    file.write_text("PEM")
    assert "belong together" in refused(**{name: file})
