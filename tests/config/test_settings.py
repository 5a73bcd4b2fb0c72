import pathlib
import re

import pytest
from pydantic import ValidationError

from bridge.aws.credentials import AUTHENTICATION
from bridge.config import load_settings, options
from tests.config.builders import KINESIS, MQTT, loaded, problems

ANNOTATED = pathlib.Path(__file__).parents[2] / "docker" / "bridge.yaml"
SECRETS = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_SESSION_TOKEN": "hunter2"}


def test_smallest_configuration_has_the_documented_defaults(tmp_path):
    settings = loaded(tmp_path, MQTT + KINESIS)
    assert (settings.mqtt.protocol, settings.mqtt.keepalive_secs, settings.mqtt.session_expiry_secs) == (
        "5",
        30,
        604_800,
    )
    assert (settings.mqtt.receive_maximum, settings.mqtt.max_message_bytes) == (65_535, 10 * 1024**2)
    assert (settings.spool.max_bytes, settings.spool.when_full) == (2 * 1024**3, "block")
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8080)
    assert (settings.log.format, settings.log.level, settings.stop_secs) == ("text", "info", 10)


def test_paths_begin_at_the_files_folder_wherever_the_bridge_runs(tmp_path, monkeypatch):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "bridge.yaml").write_text(MQTT + KINESIS)
    monkeypatch.chdir(tmp_path)
    settings = load_settings(pathlib.Path("etc/bridge.yaml"), {})
    assert settings.spool.path == tmp_path / "etc" / "data"
    assert settings.mappings == tmp_path / "etc" / "mappings"


def test_paths_that_are_given_begin_there_too_unless_absolute(tmp_path):
    settings = loaded(tmp_path, f"{MQTT}{KINESIS}spool: {{path: var/spool/}}\nmappings: /etc/mappings\n")
    assert settings.spool.path == tmp_path / "var" / "spool"
    assert settings.mappings == pathlib.Path("/etc/mappings")


def test_empty_path_is_refused(tmp_path):
    assert problems(tmp_path, f"{MQTT}{KINESIS}mappings: ''") == ["3:1: mappings: expected a path, found empty text"]


def test_settings_require_both_connections(tmp_path):
    assert problems(tmp_path, "log: {}") == [
        "1:1: kinesis: missing; expected keys and values",
        "1:1: mqtt: missing; expected keys and values",
    ]


def test_empty_section_is_a_problem_with_the_way_out(tmp_path):
    assert problems(tmp_path, f"{MQTT}{KINESIS}log:\n") == [
        "3:1: log: expected keys and values, found no value; set one, or remove the key"
    ]


def test_misspelt_section_has_its_nearest_name(tmp_path):
    assert problems(tmp_path, f"{MQTT}{KINESIS}spol: {{}}") == ["3:1: spol: unknown key; did you mean 'spool'?"]


def test_page_is_off_with_null(tmp_path):
    assert loaded(tmp_path, f"{MQTT}{KINESIS}http: null").http is None


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("0.0.0.0:80", "0.0.0.0", 80), ("'[::1]:0'", "::1", 0), ("localhost:65535", "localhost", 65_535)],
)
def test_page_listens_where_it_is_reported_to(tmp_path, listen, host, port):
    http = loaded(tmp_path, f"{MQTT}{KINESIS}http:\n  listen: {listen}\n  token: a-token-of-the-plant").http
    assert (http.host, http.port) == (host, port)
    assert "a-token" not in repr(http)


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "192.168.1.7:8080", "edge7.plant:8080", "'[::]:80'"])
def test_listen_beyond_loopback_needs_a_token(tmp_path, listen):
    [problem] = problems(tmp_path, f"{MQTT}{KINESIS}http:\n  listen: {listen}")
    assert "requires a token: set http.token" in problem


@pytest.mark.parametrize("more", ["token: short", "cert_file: page.pem", "key_file: page.pem"])
def test_page_protection_that_is_incomplete_is_refused(tmp_path, more):
    (tmp_path / "page.pem").write_text("PEM")
    [problem] = problems(tmp_path, f"{MQTT}{KINESIS}http:\n  {more}")
    assert "http" in problem
    assert "short" not in problem


@pytest.mark.parametrize(
    "listen", ["8080", "':8080'", "localhost", "a:65536", "a:-1", "'::1:80'", "a:\u0663", "'a b:1'"]
)
def test_listen_address_without_host_and_port_is_refused(tmp_path, listen):
    [problem] = problems(tmp_path, f"{MQTT}{KINESIS}http:\n  listen: {listen}")
    assert problem.startswith("4:3: http.listen: expected host:port, such as 127.0.0.1:8080")


@pytest.mark.parametrize(("option", "size"), [("max_bytes", "15 MiB"), ("fresh_bytes", "2 GiB"), ("max_bytes", "lots")])
def test_spool_sizes_have_their_limits(tmp_path, option, size):
    [problem] = problems(tmp_path, f"{MQTT}{KINESIS}spool:\n  {option}: {size}")
    assert problem.startswith(f"4:3: spool.{option}: expected a size ")
    assert problem.endswith(f", found '{size}'")


def test_sizes_have_units(tmp_path):
    spool = loaded(
        tmp_path, f"{MQTT}{KINESIS}spool: {{max_bytes: 500 MB, fresh_bytes: '${{F}}'}}", {"F": "1048576"}
    ).spool
    assert (spool.max_bytes, spool.fresh_bytes) == (500_000_000, 1_048_576)


def test_settings_do_not_change(tmp_path):
    settings = loaded(tmp_path, MQTT + KINESIS)
    with pytest.raises(ValidationError):
        settings.mqtt.client_id = "other"


def test_secrets_are_not_in_any_repr(tmp_path):
    (tmp_path / "a.pem").write_text("x")
    text = (
        "mqtt: {url: mqtts://b, client_id: a, username: u, password: hunter2,\n"
        "  tls: {cert_file: a.pem, key_file: a.pem, key_password: hunter2}}\n"
        "kinesis: {region: us-east-1, authentication:\n"
        "  {type: token, access_key_id: A, secret_access_key: hunter2, session_token: hunter2}}\n"
    )
    settings = loaded(tmp_path, text)
    assert settings.kinesis.authentication.plain()["session_token"] == "hunter2"
    assert "hunter2" not in f"{settings!r} {settings}"


def test_annotated_file_is_valid_as_it_is():
    settings = load_settings(ANNOTATED, SECRETS)
    assert settings.mqtt.urls == ("mqtt://mosquitto:1883",)


def test_annotated_file_shows_every_option_with_its_default(tmp_path):
    text = re.sub(r"^( *)#(?=\S)", r"\1", ANNOTATED.read_text(), flags=re.MULTILINE)
    text = text.replace("/run/secrets", str(tmp_path)).replace("mqtt://mosquitto", "mqtts://mosquitto")
    files = ("ca.pem", "client.pem", "client.key", "page.pem", "page.key")
    for name in (*files, "mqtt_password", "mqtt_key_password", "http_token", "http_view_token"):
        (tmp_path / name).write_text(f"hunter2hunter2hunter2 {name}\n")
    settings = loaded(tmp_path, text, SECRETS)
    defaults = loaded(tmp_path, MQTT + KINESIS)
    for option in options():
        if option.name.startswith("kinesis.authentication."):
            continue  # of one type only: see below
        value, default = settings, defaults
        for name in option.name.split("."):
            assert name in value.model_fields_set, option.name
            value, default = getattr(value, name), getattr(default, name, None)
        if option.default not in ("", "required", "null"):
            assert (str(value) if default is None else value) == (option.default if default is None else default)


def test_annotated_file_shows_every_authentication_type(tmp_path):
    shown = re.findall(r"^  # (authentication: {.*})$", ANNOTATED.read_text(), flags=re.MULTILINE)
    for name in ("id", "secret", "token", "device.pem", "device.key", "ca.pem", "chain.pem"):
        (tmp_path / name).write_text("hunter2\n")
    set_, types = {"session_token", "access_key_id", "secret_access_key"}, set()
    for line in shown:
        authentication = loaded(tmp_path, f"{MQTT}kinesis:\n  region: us-east-1\n  {line}\n").kinesis.authentication
        types.add(authentication.type)
        set_ |= authentication.model_fields_set
    assert types == set(AUTHENTICATION)
    names = {name.split(".")[2] for name, *_ in options() if name.startswith("kinesis.authentication.")}
    assert set_ == names
