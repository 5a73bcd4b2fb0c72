"""Two bridges with the same fingerprint have the same options. Secrets are not part of the fingerprint."""

import re

from bridge.config import fingerprint
from tests.config.builders import loaded

BRIDGE = """
mqtt: {url: "mqtt://127.0.0.1:1883", client_id: %s, username: u, password: %s}
kinesis: {region: us-east-1, authentication: {type: token, access_key_id: AKIAX, secret_access_key: %s}}
"""


def of(tmp_path, client_id="press", password="one", key="two", more=""):
    return fingerprint(loaded(tmp_path, BRIDGE % (client_id, password, key) + more))


def test_fingerprint_of_equal_options_is_equal(tmp_path):
    assert of(tmp_path) == of(tmp_path)
    assert re.fullmatch("[0-9a-f]{12}", of(tmp_path))


def test_fingerprint_changes_with_an_option(tmp_path):
    assert len({of(tmp_path), of(tmp_path, client_id="oven"), of(tmp_path, more="stop_secs: 5")}) == 3


def test_secrets_have_no_part_in_it(tmp_path):
    token = "http: {token: 0123456789abcdef}"
    other = "http: {token: fedcba9876543210}"
    assert of(tmp_path) == of(tmp_path, password="x", key="y")
    assert of(tmp_path, more=token) == of(tmp_path, more=other)


def test_command_that_prints_credentials_may_hold_one(tmp_path):
    config = """
mqtt: {url: "mqtt://127.0.0.1:1883", client_id: press}
kinesis: {region: us-east-1, authentication: %s}
"""
    for shape in (
        "{type: process, command: vault read --token %s}",
        "{type: assume_role, role_arn: 'arn:aws:iam::123456789012:role/x', source: {type: process, command: get %s}}",
    ):
        assert len({fingerprint(loaded(tmp_path, config % (shape % secret))) for secret in ("one", "two")}) == 1
