import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import options
from bridge.config.settings import parse_settings
from bridge.tools.scaffold.bridge_file import bridge_text
from bridge.yaml_files import parse_document

ANSWERS = {"mqtt.url": "mqtt://broker", "mqtt.client_id": "x", "kinesis.region": "us-east-1"}
FILE = Path("/nowhere/bridge.yaml")
ROLE = "arn:aws:iam::123456789012:role/writer"


def settings(text, **environ):
    return parse_settings(text, FILE, environ)


def data(answers):
    text = bridge_text(answers)
    return parse_document(text, "bridge.yaml", substitute=False, environ={}, base=FILE.parent).data


def test_bridge_text_of_the_required_answers_has_the_defaults():
    least = "mqtt: {url: 'mqtt://broker', client_id: x}\nkinesis: {region: us-east-1}"
    assert settings(bridge_text(ANSWERS)) == settings(least)


def test_bridge_text_without_answers_is_only_comments():
    assert [line for line in bridge_text({}).splitlines() if line.strip() and not line.lstrip().startswith("#")] == []


# A `$` can begin a reference, which is replaced.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="$"), min_size=1, max_size=20)


@given(name=TEXTS | st.sampled_from(["007", "1e3", "true", "~", "0x1F", "- a", "# a", "[a]", "{a: b}", "a: b", " a "]))
def test_text_that_was_answered_is_read_as_it_was(name):
    # `null` means that an option is not set.
    if name != "null":
        found = data({**ANSWERS, "mqtt.username": name, "spool.path": name})
        assert (found["mqtt"]["username"], found["spool"]["path"]) == (name, name)


@pytest.mark.parametrize(
    ("option", "answer", "value"),
    [
        ("mqtt.keepalive_secs", "60", 60),
        ("mqtt.protocol", "5", "5"),
        ("mqtt.connect_timeout_secs", "0.5", 0.5),
        ("spool.max_bytes", "1000000000", 1_000_000_000),
        ("spool.max_bytes", "1 GiB", "1 GiB"),
        ("kinesis.fips", "true", True),
        ("mqtt.url", "[mqtt://a, mqtt://b]", ["mqtt://a", "mqtt://b"]),
        ("mqtt.password", "${MQTT_PASSWORD}", "${MQTT_PASSWORD}"),
        ("http", "null", None),
        ("mqtt.share", "null", None),
    ],
)
def test_answer_has_the_type_of_its_option(option, answer, value):
    found = data({**ANSWERS, option: answer})
    for name in option.split("."):
        found = found[name]
    assert (found, type(found)) == (value, type(value))


def test_section_of_an_answer_is_not_a_comment():
    found = data({**ANSWERS, "mqtt.tls.ca_file": "ca.pem", "kinesis.manifest.data_stream": "m", "log.level": "debug"})
    assert found["mqtt"]["tls"] == {"ca_file": "ca.pem"}
    assert found["kinesis"]["manifest"] == {"data_stream": "m"}
    assert found["log"] == {"level": "debug"}


@pytest.mark.parametrize("section", ["http", "mqtt.tls", "kinesis.manifest"])
def test_section_that_is_off_has_no_options(section):
    text = bridge_text({**ANSWERS, section: "null"})
    name = section.rpartition(".")[2]
    assert [line.strip() for line in text.splitlines() if re.match(rf" *#?{name}:", line)] == [f"{name}: null"]
    below = {row.name.rpartition(".")[2] for row in options() if row.name.startswith(f"{section}.")} - {"data_stream"}
    elsewhere = {row.name.rpartition(".")[2] for row in options() if not row.name.startswith(f"{section}.")}
    assert not [line for line in text.splitlines() if line.strip().lstrip("#").partition(":")[0] in below - elsewhere]


def test_options_of_other_authentication_types_are_omitted():
    answers = {**ANSWERS, "kinesis.authentication.type": "assume_role", "kinesis.authentication.role_arn": ROLE}
    text = bridge_text(answers)
    assert settings(text).kinesis.authentication.role_arn == ROLE
    assert "#external_id:" in text
    assert not re.search("trust_anchor_arn|secret_access_key|role_alias", text)


def test_default_is_accepted_without_its_number_sign():
    lines = bridge_text(ANSWERS).splitlines()
    expected = settings("\n".join(lines))
    # The section `manifest` requires an option without a default.
    places = [place for place, line in enumerate(lines) if re.match(r" *#(?!every_secs)\w+: ", line)]
    assert len(places) > 20
    for place in places:
        indent = len(lines[place]) - len(lines[place].lstrip())
        headings = [at for at in range(place) if re.match(" " * (indent - 2) + r"#?\w+:$", lines[at])]
        changed = list(lines)
        for at in (place, *(headings[-1:] if indent else ())):
            changed[at] = changed[at].replace("#", "", 1)
        assert settings("\n".join(changed)) == expected, lines[place]


def test_option_of_the_reference_is_present_once():
    text = bridge_text(ANSWERS)
    for row in options():
        if "authentication" not in row.name:
            name = row.name.rpartition(".")[2]
            same = [each for each in options() if each.name.endswith(f".{name}") and "authentication" not in each.name]
            assert len(re.findall(rf"^ *#?{name}:", text, re.MULTILINE)) == max(1, len(same)), row.name


def test_lines_of_descriptions_are_short_and_comments():
    lines = bridge_text({**ANSWERS, "kinesis.authentication.type": "roles_anywhere"}).splitlines()
    described = [line for line in lines if line.lstrip().startswith("# ")]
    assert len(described) > 50
    assert max(map(len, described)) <= 115
