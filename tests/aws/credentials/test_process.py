import time

import pytest

from bridge.aws.credentials import process
from bridge.errors import Refused, Unavailable
from tests.aws.credentials.builders import credentials, printing


def test_process_gives_credentials(tmp_path):
    answer = {"Version": 1, "AccessKeyId": "P", "SecretAccessKey": "Q", "SessionToken": "R"}
    assert credentials("process", command=printing(tmp_path, answer))[:3] == ("P", "Q", "R")


@pytest.mark.parametrize(
    "answer", ["hunter2", "{}", '{"Version": 2}', '{"Version": 1, "AccessKeyId": "hunter2"}', "[]", '{"Version": []}']
)
def test_process_that_prints_something_else_is_refused_and_not_shown(tmp_path, answer):
    with pytest.raises(Refused) as refused:
        credentials("process", command=printing(tmp_path, answer))
    assert "AccessKeyId" in refused.value.hint
    assert "hunter2" not in str(refused.value) + refused.value.hint


def test_process_that_fails_may_work_later(tmp_path):
    with pytest.raises(Unavailable) as unavailable:
        credentials("process", command="false")
    assert "'false' ended with 1" in unavailable.value.detail


def test_process_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(Refused) as refused:
        credentials("process", command=f"{tmp_path}/none --plant pdx")
    assert "cannot be run" in refused.value.detail


def test_process_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(process, "PROCESS_SECS", 0.1)
    with pytest.raises(Unavailable) as unavailable:
        credentials("process", command="sleep 60")
    assert "did not end" in unavailable.value.detail


def test_process_that_leaves_a_child_with_its_output_is_ended(monkeypatch):
    monkeypatch.setattr(process, "PROCESS_SECS", 0.1)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        credentials("process", command="sh -c 'sleep 60 & exit 0'")
    assert time.monotonic() - started < 30


def test_process_with_endless_output_is_refused():
    with pytest.raises(Refused) as refused:
        credentials("process", command="yes")
    assert "more than 262,144 bytes" in refused.value.detail


def test_process_sees_no_variable_but_the_allowed_ones(monkeypatch, tmp_path):
    for name in ("HTTP_TOKEN", "MQTT_PASSWORD", "VAULT_ADDR", "AWS_PROFILE", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "a")
    program = (
        'echo "{\\"Version\\": 1, \\"AccessKeyId\\": \\"A$HTTP_TOKEN$MQTT_PASSWORD\\",'
        ' \\"SecretAccessKey\\": \\"$AWS_PROFILE$HTTPS_PROXY$VAULT_ADDR\\"}"'
    )
    assert credentials("process", command=f"sh -c '{program}'")[:2] == ("A", "aa")
    found = credentials("process", command=f"sh -c '{program}'", environment=["VAULT_ADDR"])
    assert found[:2] == ("A", "aaa")
