import pytest

from bridge.config import options
from bridge.config.effective_options import effective_options
from bridge.errors import ConfigError
from tests.config.builders import KINESIS, MQTT

ROLE = "arn:aws:iam::123456789012:role/writer"


def read(folder, text, environ=None):
    file = folder / "bridge.yaml"
    file.write_text(text)
    configuration = effective_options(file, environ or {})
    assert configuration.file == file
    return {each.name: each for each in configuration.options}


def test_options_are_those_of_the_reference(tmp_path):
    found = read(tmp_path, MQTT + KINESIS + "http: {token: a-token-of-16-characters}")
    table = {row.name: row for row in options()}
    assert found.keys() <= table.keys()
    assert {name for name, row in table.items() if row.secret and name in found} <= {
        name for name, each in found.items() if each.secret
    }
    # The table describes the options of each authentication type with the type.
    plain = [name for name in found if not name.startswith(("kinesis.authentication", "mqtt.tls"))]
    assert [found[name].description for name in plain] == [table[name].description for name in plain]


def test_value_that_is_not_set_is_the_default(tmp_path):
    found = read(tmp_path, MQTT + KINESIS)
    assert (found["kinesis.fips"].value, found["kinesis.fips"].is_set) == ("false", True)
    assert (found["mqtt.share"].value, found["mqtt.share"].is_set) == ("", False)
    assert {
        each.source for name, each in found.items() if name not in ("mqtt.url", "mqtt.client_id", "kinesis.region")
    } == {"default"}
    assert found["mqtt.url"].source == "file"


def test_section_that_is_off_is_one_option(tmp_path):
    found = read(tmp_path, MQTT + KINESIS + "http: null")
    assert (found["http"].value, found["http"].is_set, found["http"].source) == ("", False, "file")
    assert "http.listen" not in found


def test_lists_and_tables_are_shown_as_text(tmp_path):
    text = f"""
mqtt: {{url: ['mqtt://a', 'mqtt://b'], client_id: x}}
kinesis:
  region: us-east-1
  authentication: {{type: assume_role, role_arn: '{ROLE}', tags: {{site: pdx, line: "7"}}}}
"""
    found = read(tmp_path, text)
    assert found["mqtt.url"].value == "mqtt://a, mqtt://b"
    assert found["kinesis.authentication.tags"].value == "site: pdx, line: 7"


@pytest.mark.parametrize(
    "text",
    [
        "authentication: {type: process, command: 'print hunter2'}",
        "authentication: {type: token, access_key_id: hunter2, secret_access_key: hunter2, session_token: hunter2}",
        f"authentication: {{type: assume_role, role_arn: '{ROLE}', external_id: hunter2}}",
        f"authentication: {{type: assume_role, role_arn: '{ROLE}', source: {{type: process, command: hunter2}}}}",
        "proxy_url: http://u:hunter2@proxy:3128",
    ],
)
def test_value_that_may_be_a_secret_is_not_shown(tmp_path, text):
    found = read(tmp_path, f"{MQTT}kinesis:\n  region: us-east-1\n  {text}\n")
    assert "hunter2" not in str([*found.values()])
    assert any(each.secret and each.is_set and each.source == "file" for each in found.values())


@pytest.mark.parametrize(
    ("written", "source", "references"),
    [
        ("x", "file", ()),
        ("${ID}", "environment", ("${ID}",)),
        ("${UNSET:-x}", "environment", ("${UNSET}",)),
        ("${file:id}", "secret file", ("${file:id}",)),
        ("${ID}-${file:id}-${ID}", "environment", ("${ID}", "${file:id}")),
    ],
)
def test_origin_of_a_value_is_its_first_reference(tmp_path, written, source, references):
    (tmp_path / "id").write_text("x\n")
    found = read(tmp_path, f"mqtt: {{url: mqtt://broker, client_id: '{written}'}}\n{KINESIS}", {"ID": "x"})
    assert (found["mqtt.client_id"].source, found["mqtt.client_id"].references) == (source, references)


def test_reference_that_a_list_repeats_is_shown_once(tmp_path):
    found = read(tmp_path, "mqtt: {url: ['mqtt://${H}', 'mqtts://${H}'], client_id: x}\n" + KINESIS, {"H": "b"})
    assert found["mqtt.url"].references == ("${H}",)


def test_file_that_is_invalid_is_an_error(tmp_path):
    with pytest.raises(ConfigError):
        read(tmp_path, MQTT)
