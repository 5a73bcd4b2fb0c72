import json

import pytest

from tests.config.test_kinesis import found, kinesis

TYPES = "'token', 'ec2_role', 'default', 'profile', 'process', 'assume_role', 'web_identity', 'iot' or 'roles_anywhere'"


def test_access_key_and_its_settings(tmp_path):
    environ = {"ID": "AKIA1", "SECRET": "s/+:# '"}
    text = "authentication: {type: token, access_key_id: '${ID}', secret_access_key: '${SECRET}'}"
    authentication = kinesis(tmp_path, text, environ).authentication
    assert authentication.type == "token"
    assert authentication.plain() == {"access_key_id": "AKIA1", "secret_access_key": "s/+:# '"}


def test_temporary_credentials_have_a_session_token(tmp_path):
    text = "authentication: {type: token, access_key_id: A, secret_access_key: b, session_token: c}"
    assert kinesis(tmp_path, text).authentication.plain()["session_token"] == "c"


@pytest.mark.parametrize("name", ["ec2_role", "default"])
def test_types_without_settings(tmp_path, name):
    authentication = kinesis(tmp_path, f"authentication: {{type: {name}}}").authentication
    assert (authentication.type, authentication.plain()) == (name, {})


def test_unknown_type_lists_those_there_are(tmp_path):
    assert found(tmp_path, "authentication: {type: tocken, access_key_id: A}") == [
        f"4:20: kinesis.authentication.type: expected {TYPES}, found 'tocken'; did you mean 'token'?"
    ]


def test_missing_type_is_requested(tmp_path):
    assert found(tmp_path, "authentication: {}") == [f"4:3: kinesis.authentication.type: missing; expected {TYPES}"]


def test_settings_of_another_type_are_unknown(tmp_path):
    assert found(tmp_path, "authentication: {type: ec2_role, access_key_id: A}") == [
        "4:36: kinesis.authentication.access_key_id: unknown key; expected type"
    ]


def test_credentials_of_the_wrong_shape_are_refused_and_not_shown(tmp_path):
    text = "authentication: {type: token, access_key_id: '${ID}', secret_access_key: '${SECRET}'}"
    key_id, secret = found(tmp_path, text, {"ID": "hunter2 x", "SECRET": ""})
    assert key_id.endswith("access_key_id: expected an access key ID: letters and digits, but ${ID} has another value")
    assert secret.endswith("secret_access_key: expected text of at least one character, but ${SECRET} is empty")


ROLE = "arn:aws:iam::123456789012:role/writer"
ANCHOR = "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/1-2"
PROFILE = "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/3-4"


def settings(folder, **options):
    """Return the settings of an authentication, with files that exist."""
    for name in ("cert", "key", "token"):
        (folder / name).write_text("x")
    return kinesis(folder, f"authentication: {json.dumps(options)}").authentication


def problem(folder, **options):
    for name in ("cert", "key", "token"):
        (folder / name).write_text("x")
    [text] = found(folder, f"authentication: {json.dumps(options)}")
    return text.split(" ", 1)[1]


@pytest.mark.parametrize(
    "arn",
    [ROLE, ROLE.replace("aws:", "aws-cn:"), ROLE.replace("aws:", "aws-us-gov:"), ROLE.replace("writer", "a/b_c+=,.@-")],
)
def test_role_of_every_partition_and_path_is_accepted(tmp_path, arn):
    assert settings(tmp_path, type="assume_role", role_arn=arn).role_arn == arn


@pytest.mark.parametrize(
    "arn",
    [
        "writer", "", ROLE + "\n", " " + ROLE, ROLE.replace("role/", "user/"), ROLE.replace("iam", "sts"), ROLE[:-6],
        ROLE.replace("123456789012", "12345678901"), ROLE.replace("arn:aws:", "arn:azure:"), ROLE + " x",
    ],
)  # fmt: skip
def test_role_of_another_form_is_refused(tmp_path, arn):
    text = problem(tmp_path, type="assume_role", role_arn=arn)
    assert "role_arn: expected an ARN as arn:aws:iam::ACCOUNT:role/NAME" in text


def test_arn_of_another_resource_of_roles_anywhere_is_refused(tmp_path):
    options = {"type": "roles_anywhere", "cert_file": "cert", "key_file": "key", "role_arn": ROLE}
    made = settings(tmp_path, **options, trust_anchor_arn=ANCHOR, profile_arn=PROFILE)
    assert made.plain()["trust_anchor_arn"] == ANCHOR
    assert "trust_anchor_arn: expected an ARN as arn:aws:rolesanywhere:REGION:ACCOUNT:trust-anchor/NAME" in problem(
        tmp_path, **options, trust_anchor_arn=PROFILE, profile_arn=PROFILE
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "access_key_id is missing: set it, or access_key_id_file"),
        ({"access_key_id": "A"}, "secret_access_key is missing: set it, or secret_access_key_file"),
        (
            {"access_key_id": "A", "access_key_id_file": "key"},
            "access_key_id and access_key_id_file exclude each other",
        ),
        (
            {"access_key_id": "A", "secret_access_key": "b", "session_token": "c", "session_token_file": "key"},
            "session_token and session_token_file exclude each other",
        ),
    ],
)
def test_part_of_an_access_key_is_set_once(tmp_path, options, reason):
    assert reason in problem(tmp_path, type="token", **options)


def test_files_of_an_access_key_are_plain_paths(tmp_path):
    made = settings(tmp_path, type="token", access_key_id="A", secret_access_key_file="key")
    assert made.plain() == {"access_key_id": "A", "secret_access_key_file": str(tmp_path / "key")}


def test_file_that_does_not_exist_is_refused(tmp_path):
    assert "token_file: " in problem(tmp_path, type="web_identity", role_arn=ROLE, token_file="tokn")


@pytest.mark.parametrize("command", ["", " ", "\t"])
def test_command_without_words_is_refused(tmp_path, command):
    assert "found empty text" in problem(tmp_path, type="process", command=command)


def test_command_that_is_refused_is_not_shown(tmp_path):
    text = problem(tmp_path, type="process", command="print 'hunter2")
    assert "a quotation mark is not closed" in text
    assert "hunter2" not in text


def test_settings_with_secrets_have_a_repr_without_them(tmp_path):
    made = settings(tmp_path, type="token", access_key_id="A", secret_access_key="hunter2", session_token="hunter2")
    assert "hunter2" not in f"{made!r} {made}"


@pytest.mark.parametrize(
    "host", ["https://c1.iot", "c1.iot/path", "c1.iot:", "c1 iot", "", "c1.iot:123456", "u@c1.iot"]
)
def test_endpoint_of_iot_that_is_no_host_is_refused(tmp_path, host):
    options = {"type": "iot", "cert_file": "cert", "key_file": "key", "role_alias": "a"}
    assert settings(tmp_path, **options, endpoint="c1.iot:8443").endpoint == "c1.iot:8443"
    assert "endpoint: expected a host name, without https:// and path" in problem(tmp_path, **options, endpoint=host)


@pytest.mark.parametrize(
    ("options", "valid"),
    [
        ({"duration_secs": 1800, "session_name": "ab"}, True),
        ({"duration_secs": 43_200, "session_name": "a" * 64}, True),
        ({"duration_secs": 1799}, False),
        ({"duration_secs": 43_201}, False),
        ({"session_name": "a"}, False),
        ({"session_name": "a" * 65}, False),
        ({"session_name": "a b"}, False),
        ({"external_id": "a"}, False),
        ({"tags": {"k" * 128: "v" * 256}}, True),
        ({"tags": {"k" * 129: "v"}}, False),
        ({"tags": {"": "v"}}, False),
        ({"tags": {"k": "v" * 257}}, False),
        ({"tags": {f"k{number}": "v" for number in range(50)}}, True),
        ({"tags": {f"k{number}": "v" for number in range(51)}}, False),
        ({"source": {"type": "ec2_role"}}, True),
        ({"source": {"type": "assume_role", "role_arn": ROLE}}, False),
    ],
)
def test_assumed_role_has_the_limits_of_aws(tmp_path, options, valid):
    options = {"type": "assume_role", "role_arn": ROLE, **options}
    if valid:
        made = settings(tmp_path, **options)
        assert made.role_arn == ROLE
        assert not {"type", "source"} & made.plain().keys()
    else:
        assert problem(tmp_path, **options)
