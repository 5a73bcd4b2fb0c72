"""Commands that only read local files work without the secrets to which `bridge.yaml` refers."""

import pytest
from typer.testing import CliRunner

from bridge.cli.app import app
from bridge.config import load_local_settings, load_settings
from bridge.errors import ConfigError
from tests.spool.builders import opened

CONFIG = """\
mqtt: {url: "mqtts://${BROKER}:8883", password: "${MQTT_PASSWORD}"}
kinesis: {region: us-east-1, authentication: {type: token, access_key_id: "${file:id}", secret_access_key: "${KEY}"}}
http: {listen: "0.0.0.0:${PORT}", token: "${HTTP_TOKEN}"}
spool: {path: "${DATA:-here}"}
"""
MAPPING = "topic: a/{x}\noutputs: [{data_stream: telemetry}]\n"


@pytest.fixture
def config(tmp_path):
    opened(tmp_path / "here").close()
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "m.yaml").write_text(MAPPING)
    (tmp_path / "bridge.yaml").write_text(CONFIG)
    return tmp_path / "bridge.yaml"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("spool status", "0 dead letters"),
        ("spool verify", "database intact"),
        ("dead-letters list", "0 dead letters"),
        ("dead-letters export letters.jsonl", "0"),
        ("spool export records.jsonl", "0"),
        ("try --topic a/b --payload 1", "record"),
        ("status", "the bridge is not running"),
        ("coverage", "the bridge is not running"),
    ],
)
def test_reading_command_ignores_missing_secrets(config, command, expected, monkeypatch):
    monkeypatch.chdir(config.parent)
    result = CliRunner().invoke(app, command.split())
    assert expected in result.output + str(result.exception)
    assert "is not set" not in result.output + str(result.exception)


def test_local_settings_are_still_checked(config):
    settings = load_local_settings(config, {"DATA": "there"})
    assert settings.spool.path == config.parent / "there"
    assert settings.mappings == config.parent / "mappings"
    config.write_text(CONFIG.replace("path:", "paht:"))
    with pytest.raises(ConfigError, match="paht"):
        load_local_settings(config, {})
    with pytest.raises(ConfigError, match="MQTT_PASSWORD is not set"):
        load_settings(config, {})
