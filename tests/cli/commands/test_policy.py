"""Command `policy`, tested with an emulator of AWS that enforces the printed policy."""

import json

import pytest

from bridge.aws.credentials import Authentication
from bridge.cli.commands.policy import PolicyOptions, option_error, print_policy
from bridge.errors import BridgeError, ConfigError, Refused
from bridge.kinesis.publisher import KinesisPublisher, PublisherSettings
from bridge.model import Destination, Record
from tests.cli.builders import BRIDGE, set_up
from tests.harness.ministack import ACCOUNT, STREAM_ARN, MiniStack

ROLE = f"arn:aws:iam::{ACCOUNT}:role/abroad"
MAPPINGS = {
    "archive": "topic: factory/#\noutputs: [{data_stream: archive, packing: kpl}, {data_stream: telemetry}]\n",
    "abroad": f"topic: a/#\noutputs: [{{data_stream: far, region: eu-west-1, role_arn: '{ROLE}'}}]\n",
}


@pytest.fixture(scope="module")
def aws():
    """Emulator with the streams `telemetry` and `archive`, and with a user without permissions.

    `archive` is encrypted with a key of the customer.
    """
    with MiniStack() as stack:
        stack.stream("telemetry")
        stack.stream("archive")
        stack.kms_key = stack.client("kms").create_key()["KeyMetadata"]["Arn"]
        encryption = {"EncryptionType": "KMS", "KeyId": stack.kms_key}
        stack.client("kinesis").start_stream_encryption(StreamName="archive", **encryption)
        stack.key = stack.user("edge")
        yield stack


def config(folder, url, key=("test", "test"), **mappings):
    path = set_up(folder, **({"press": None} | (mappings or MAPPINGS)))
    authentication = f"{{type: token, access_key_id: {key[0]}, secret_access_key: '{key[1]}'}}"
    endpoints = f"endpoint_url: '{url}', sts_endpoint_url: '{url}'"
    text = BRIDGE.replace("authentication: {type: default}", f"authentication: {authentication}, {endpoints}")
    path.write_text(text % 1883)
    return path


def printed(capsys, path, **wanted):
    assert print_policy(path, PolicyOptions(**wanted)) == 0
    out, err = capsys.readouterr()
    return json.loads(out), err


def statements(document):
    return {each["Sid"]: each["Resource"] for each in document["Statement"]}


def test_policy_has_account_and_keys_from_aws(aws, tmp_path, capsys):
    document, notes = printed(capsys, config(tmp_path, aws.url))
    assert statements(document) == {
        "SendRecords": [STREAM_ARN + "archive", STREAM_ARN + "telemetry"],
        "EncryptRecords": [aws.kms_key],
        "AssumeRoles": [ROLE],
    }
    assert f"--role {ROLE}" in notes


def test_policy_of_an_outputs_role(aws, tmp_path, capsys):
    document, _ = printed(capsys, config(tmp_path, aws.url), role=ROLE)
    far = f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/far"
    assert statements(document) == {"SendRecords": [far]}


def test_policy_includes_the_stream_of_the_manifests(tmp_path, capsys):
    path = config(tmp_path, "http://127.0.0.1:1", archive=MAPPINGS["archive"])
    path.write_text(path.read_text().replace("kinesis: {", "kinesis: {manifest: {data_stream: manifests}, "))
    document, _ = printed(capsys, path, offline=True, account="123456789012")
    streams = [
        f"arn:aws:kinesis:us-east-1:123456789012:stream/{name}" for name in ("archive", "manifests", "telemetry")
    ]
    assert statements(document) == {"SendRecords": streams}


def test_policy_with_a_role_notes_the_permissions_of_its_source(tmp_path, capsys):
    path = set_up(tmp_path)
    authentication = f"{{type: assume_role, role_arn: '{ROLE}', tags: {{plant: pdx}}, source: {{type: ec2_role}}}}"
    path.write_text(path.read_text().replace("{type: default}", authentication))
    _, notes = printed(capsys, path, offline=True, account="123456789012")
    assert f"the policy of {ROLE}" in notes
    assert "(source: ec2_role), must allow sts:AssumeRole and sts:TagSession" in notes


def test_offline_policy_uses_the_options(tmp_path, capsys):
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    path = config(tmp_path, "http://127.0.0.1:1")
    document, notes = printed(capsys, path, offline=True, account="123456789012", kms_keys=(key,))
    assert statements(document)["SendRecords"][0] == "arn:aws:kinesis:us-east-1:123456789012:stream/archive"
    assert statements(document)["EncryptRecords"] == [key]
    assert "--offline" in notes


def test_offline_policy_without_an_account_is_an_error(tmp_path):
    with pytest.raises(BridgeError, match="--account"):
        print_policy(config(tmp_path, "http://127.0.0.1:1"), PolicyOptions(offline=True))


def test_policy_without_a_response_of_aws_is_an_error(tmp_path):
    with pytest.raises(BridgeError, match="--account 123456789012"):
        print_policy(config(tmp_path, "http://127.0.0.1:1"), PolicyOptions())


def test_role_that_no_output_has_is_refused(tmp_path):
    with pytest.raises(BridgeError, match=ROLE):
        print_policy(config(tmp_path, "http://127.0.0.1:1"), PolicyOptions(role="arn:aws:iam::1:role/other"))


def test_mapping_that_does_not_load_has_no_policy(tmp_path):
    with pytest.raises(ConfigError):
        print_policy(config(tmp_path, "http://127.0.0.1:1", broken="topic: [\n"), PolicyOptions())


@pytest.mark.parametrize(("account", "keys"), [("12", ()), ("", ("alias/x",)), ("12345678901x", ())])
def test_invalid_account_or_key_is_refused(account, keys):
    assert option_error(account, keys)


def refused(call, *arguments):
    try:
        call(*arguments)
    except Refused:
        return True
    return False


def test_policy_actions_are_all_needed_and_sufficient(aws, tmp_path, capsys):
    """Send every kind of request with the complete policy, and then with the policy without one of its actions."""
    path = config(tmp_path, aws.url, archive=MAPPINGS["archive"])
    document, _ = printed(capsys, path)
    authentication = Authentication("token", {"access_key_id": aws.key[0], "secret_access_key": aws.key[1]})
    publisher = KinesisPublisher(PublisherSettings("us-east-1", authentication, endpoint_url=aws.url))

    def works():
        stream = STREAM_ARN + "archive"
        return {
            "kinesis:PutRecords": not refused(publisher.put_records, stream, [Record(1, 1, "k", b"x")]),
            "kinesis:DescribeStreamSummary": publisher.describe(stream).described,
            "kinesis:ListShards": not refused(publisher.list_shards, stream),
        }

    first, *others = document["Statement"]
    aws.permit("edge", first, *others)
    assert works() == dict.fromkeys(first["Action"], True)
    for omitted in first["Action"]:
        actions = [action for action in first["Action"] if action != omitted]
        aws.permit("edge", {**first, "Action": actions}, *others)
        assert works() == {**dict.fromkeys(actions, True), omitted: False}
    aws.permit("edge")


def test_account_of_a_role_is_that_of_its_arn(tmp_path, capsys):
    document, notes = printed(
        capsys, config(tmp_path, "http://127.0.0.1:1"), role=ROLE, offline=True, account="999999999999"
    )
    assert statements(document) == {"SendRecords": [f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/far"]}
    assert f"{ROLE} is of account {ACCOUNT}; --account does not apply to it" in notes


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        (20, []),
        (60, ["too many for an inline policy of a user (2,048)", "as a managed policy or an inline policy of a role"]),
        (120, ["a managed policy (6,144): attach it as an inline policy of a role"]),
        (300, ["an inline policy of a role (10,240): divide the streams among several roles"]),
    ],
)
def test_policy_that_is_too_large_for_iam_is_noted(tmp_path, capsys, streams, expected):
    outputs = ", ".join(f"{{data_stream: s{number:03}}}" for number in range(streams))
    path = set_up(tmp_path, press=f"topic: t\noutputs: [{outputs}]\n")
    _, notes = printed(capsys, path, offline=True, account="123456789012")
    assert ("the policy has" in notes) is bool(expected)
    assert all(each in notes for each in expected)


def test_statement_on_keys_permits_only_kinesis(aws, tmp_path, capsys):
    """Send the KMS request that Kinesis would send, because Kinesis in the emulator does not encrypt.

    The condition of the statement permits only requests that Kinesis sends. So the statement permits the request of the
    test only without its condition.
    """
    document, _ = printed(capsys, config(tmp_path, aws.url, archive=MAPPINGS["archive"]))
    (statement,) = [each for each in document["Statement"] if each["Sid"] == "EncryptRecords"]
    others = [each for each in document["Statement"] if each is not statement]
    kms = aws.client("kms", key=(*aws.key, None))

    def allowed(*statements):
        aws.permit("edge", *others, *statements)
        try:
            kms.generate_data_key(KeyId=aws.kms_key, KeySpec="AES_256")
        except kms.exceptions.ClientError as error:
            return "kms:GenerateDataKey" not in str(error)
        return True

    assert not allowed()
    assert not allowed(statement)
    assert allowed({name: value for name, value in statement.items() if name != "Condition"})
    aws.permit("edge")


def test_policies_permit_an_output_to_assume_its_role(aws, tmp_path, capsys):
    """The bridge may assume the role only with the statement `AssumeRoles`, and the role may send to the stream."""
    path = config(tmp_path, aws.url, abroad=MAPPINGS["abroad"])
    aws.stream("far", "eu-west-1")
    own, of_role = printed(capsys, path)[0], printed(capsys, path, role=ROLE)[0]
    assert list(statements(own)) == ["AssumeRoles"]
    edge = f"arn:aws:iam::{ACCOUNT}:user/edge"
    aws.role(
        "abroad", {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": edge}}, *of_role["Statement"]
    )
    authentication = Authentication("token", {"access_key_id": aws.key[0], "secret_access_key": aws.key[1]})
    reach = {"endpoint_url": aws.url, "sts_endpoint_url": aws.url}
    far, sent = str(Destination("far", region="eu-west-1", role_arn=ROLE)), [Record(1, 1, "k", b"x")]
    aws.permit("edge")
    with pytest.raises(Refused, match="sts:AssumeRole"):
        KinesisPublisher(PublisherSettings("us-east-1", authentication, **reach)).put_records(far, sent)
    aws.permit("edge", *own["Statement"])
    KinesisPublisher(PublisherSettings("us-east-1", authentication, **reach)).put_records(far, sent)
    assert aws.stored("far", "eu-west-1") == [b"x"]
    aws.permit("edge")


def test_policy_is_printed_without_any_permission(aws, tmp_path, capsys):
    document, notes = printed(capsys, config(tmp_path, aws.url, aws.key, archive=MAPPINGS["archive"]))
    assert statements(document)["SendRecords"] == [STREAM_ARN + "archive", STREAM_ARN + "telemetry"]
    assert "not allowed to describe it" in notes
