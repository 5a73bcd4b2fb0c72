"""Prompts of `init`: answers, options and secrets."""

import io
import shlex
import sys

import pytest

from bridge.cli.commands import init_prompts
from bridge.cli.commands.init_prompts import PASSWORD, Prompts, parse_set_options, repeated_command
from bridge.errors import UsageError


@pytest.fixture
def typed(monkeypatch):
    """Return a function that makes prompts whose answers are typed on a terminal."""

    def make(*lines, **given):
        terminal = io.StringIO("".join(f"{line}\n" for line in lines))
        terminal.isatty = lambda: True
        monkeypatch.setattr(sys, "stdin", terminal)
        return Prompts({name.replace("__", "."): value for name, value in given.items()}, yes=False)

    return make


def test_prompts_without_a_terminal_return_the_defaults(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed\n"))
    monkeypatch.setattr("socket.gethostname", lambda: "Press_07.plant")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    prompts = Prompts({}, yes=False)
    assert prompts.answers() == {
        "mqtt.url": "mqtt://localhost:1883",
        "mqtt.client_id": "mqtt-kinesis-Press-07-plant",
        "kinesis.region": "us-east-1",
        "kinesis.authentication.type": "default",
    }
    assert not prompts.prompted


@pytest.mark.parametrize(("host", "name"), [("...", "bridge"), ("w\u00e4rme", "w-rme"), ("", "bridge")])
def test_prompts_propose_a_client_id_of_plain_characters(monkeypatch, host, name):
    monkeypatch.setattr("socket.gethostname", lambda: host)
    assert Prompts({}, yes=True).answers()["mqtt.client_id"] == f"mqtt-kinesis-{name}"


def test_prompts_for_tls_repeat_until_yes_or_no(typed, capsys):
    prompts = typed("broker:8883", "yess", "YES", "/ca.pem", "", "", "", "")
    answers = prompts.answers()
    assert (answers["mqtt.url"], answers["mqtt.tls.ca_file"]) == ("mqtts://broker:8883", "/ca.pem")
    assert "expected yes or no; found 'yess'" in capsys.readouterr().err
    assert prompts.prompted


def test_prompts_with_a_user_name_refer_to_the_password(typed):
    answers = typed("", "bridge", "", "", "").answers()
    assert (answers["mqtt.username"], answers["mqtt.password"]) == ("bridge", f"${{{PASSWORD}}}")


def test_prompts_after_the_end_of_the_input_are_an_error(typed):
    with pytest.raises(UsageError, match="--yes"):
        typed("mqtt://broker").answers()


@pytest.mark.parametrize("url", ["mqtt://[::1", "mqtts://[::1", "http://x", "mqtt://h:99999"])
def test_prompts_leave_an_invalid_url_to_the_check_of_the_options(url):
    assert Prompts({"mqtt.url": url}, yes=True).answers()["mqtt.url"] == url


def test_init_with_an_invalid_url_reports_it_without_a_traceback(tmp_path, command):
    done = command(tmp_path, "init", "--yes", "--listen-secs", "0", "--url", "mqtt://[::1")
    assert (done.returncode, "mqtt.url: expected mqtt://host" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_prompts_of_authentication_include_its_required_options(typed):
    prompts = typed("", "", "", "", "token")
    token = prompts.answers()
    assert token["kinesis.authentication.access_key_id"] == "${AWS_ACCESS_KEY_ID}"
    assert token["kinesis.authentication.secret_access_key"] == "${AWS_SECRET_ACCESS_KEY}"


def test_password_of_the_environment_is_not_prompted_for(typed, monkeypatch):
    monkeypatch.setenv(PASSWORD, "secret")
    monkeypatch.setattr(init_prompts.getpass, "getpass", lambda _: "typed")
    assert typed().password() == "secret"
    monkeypatch.delenv(PASSWORD)
    assert typed().password() == "typed"
    assert Prompts({}, yes=True).password() == ""


def test_repeated_command_has_every_answer_once_and_no_secret():
    answers = {
        "mqtt.url": "mqtt://h",
        "mqtt.client_id": "it's",
        "mqtt.share": "a b",
        "mqtt.password": "${MQTT_PASSWORD}",
    }
    words = shlex.split(repeated_command(answers, "my stream").partition(": ")[2])
    options = [*zip(words[2::2], words[3::2], strict=True)]
    assert words[:2] == ["mqtt-kinesis", "init"]
    assert options == [
        ("--url", "mqtt://h"),
        ("--client-id", "it's"),
        ("--set", "mqtt.share=a b"),
        ("--stream", "my stream"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mqtt.share", "expected NAME=VALUE"),
        ("=x", "expected NAME=VALUE"),
        ("mqtt.unknown=1", "found 'mqtt.unknown'"),
        ("mqtt.tls=x", "this is a section"),
        ("mqtt.password=hunter2", "secrets are not stored"),
        ("mqtt.password=${PW:-hunter2}", "secrets are not stored"),
        ("mqtt.password=${PW}hunter2", "secrets are not stored"),
        ("kinesis.authentication.access_key_id=AKIA1", "secrets are not stored"),
    ],
)
def test_set_option_that_is_unknown_or_a_secret_is_refused(text, words):
    with pytest.raises(UsageError, match=words) as refused:
        parse_set_options([text])
    assert "hunter2" not in str(refused.value)


def test_set_options_may_contain_references_and_equals_signs():
    texts = ["mqtt.password=${A}${file:/run/secrets/b}", "mqtt.client_id=a=b", "mqtt.share=x", "mqtt.share=y"]
    assert parse_set_options(texts) == {
        "mqtt.password": "${A}${file:/run/secrets/b}",
        "mqtt.client_id": "a=b",
        "mqtt.share": "y",
    }
