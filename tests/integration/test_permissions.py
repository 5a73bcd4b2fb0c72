"""The bridge with exactly the permissions that `policy` prints, with a rotated key, and without a permission."""

import json

import pytest

from tests.harness.bridge_here import BridgeHere
from tests.harness.bridge_process import write_configuration
from tests.harness.cli_runner import called
from tests.harness.ministack import MiniStack
from tests.harness.publisher import Publisher
from tests.integration.arrivals import eventually, stop_and_balance

MAPPINGS = {"archive": {"topic": "factory/#", "outputs": [{"data_stream": "archive", "partition_key": "k"}]}}


@pytest.fixture
def aws():
    with MiniStack() as stack:
        stack.stream("archive")
        stack.key = stack.user("edge")
        yield stack


def printed_policy(folder):
    return json.loads(called(folder, "policy").stdout)["Statement"]


def logged(bridge, words):
    return any(words in json.dumps(line) for line in bridge.log())


def noticed(bridge, publisher):
    """Publish a message, because the bridge checks the files when it sends. Return whether it logs the reload."""
    publisher.publish([("factory/a", b"2")])
    return logged(bridge, "changed; reloading them")


def test_policy_suffices_and_a_missing_permission_is_reported(tmp_path, mosquitto, aws):
    for name, value in zip(("id", "secret"), aws.key, strict=True):
        (tmp_path / name).write_text(value)
    files = {"access_key_id_file": "id", "secret_access_key_file": "secret"}
    ends = {"endpoint_url": aws.url, "sts_endpoint_url": aws.url, "authentication": {"type": "token", **files}}
    write_configuration(tmp_path, mqtt={"url": f"mqtt://127.0.0.1:{mosquitto.port}"}, kinesis=ends, mappings=MAPPINGS)
    aws.permit("edge", *printed_policy(tmp_path))
    with BridgeHere(tmp_path) as bridge, Publisher(mosquitto.port) as publisher:
        publisher.publish([("factory/a", b"1")])
        eventually(lambda: aws.stored("archive") == [b"1"], "with the printed policy it goes")
        new = aws.client("iam").create_access_key(UserName="edge")["AccessKey"]
        (tmp_path / "id").write_text(new["AccessKeyId"])
        (tmp_path / "secret").write_text(new["SecretAccessKey"])
        eventually(lambda: noticed(bridge, publisher), "the files are read again", every_secs=0.5)
        aws.client("iam").delete_access_key(UserName="edge", AccessKeyId=aws.key[0])
        publisher.publish([("factory/a", b"3")])
        eventually(lambda: b"3" in aws.stored("archive"), "the new key is used")
        aws.permit("edge")
        publisher.publish([("factory/a", b"4")])
        eventually(lambda: logged(bridge, "allow kinesis:PutRecords on"), "what is missing is said")
        stop_and_balance(bridge)
        assert new["SecretAccessKey"] not in bridge.stderr()
