import pytest

from bridge.aws.iam_policy import StreamUse, policy, stream_arn

ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/telemetry"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1ef18ebd"


def by_sid(document):
    return {statement["Sid"]: statement for statement in document["Statement"]}


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("us-east-1", "arn:aws:kinesis:us-east-1:123456789012:stream/telemetry"),
        ("cn-north-1", "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/telemetry"),
        ("us-gov-west-1", "arn:aws-us-gov:kinesis:us-gov-west-1:123456789012:stream/telemetry"),
    ],
)
def test_arns_are_those_of_the_regions_partition(region, arn):
    assert stream_arn("telemetry", region, "123456789012") == arn


def test_an_arn_stays_as_it_is():
    assert stream_arn(ARN, "eu-west-1", "") == ARN


def test_each_stream_is_permitted_once_and_nothing_else():
    document = policy([StreamUse(ARN), StreamUse(ARN)])
    assert {sid: statement["Action"] for sid, statement in by_sid(document).items()} == {
        "SendRecords": "kinesis:PutRecords",
        "LearnRecordSize": "kinesis:DescribeStreamSummary",
        "LearnShards": "kinesis:ListShards",
    }
    assert all(statement["Resource"] == [ARN] for statement in document["Statement"])


def test_keys_are_permitted_through_kinesis_only():
    statement = by_sid(policy([StreamUse(ARN, KEY), StreamUse(ARN + "2")]))["EncryptRecords"]
    assert (statement["Action"], statement["Resource"]) == ("kms:GenerateDataKey", [KEY])
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": ["kinesis.us-east-1.amazonaws.com"]}}


def test_an_identity_that_only_takes_on_roles_may_do_just_that():
    document = policy([], ["arn:aws:iam::1:role/b", "arn:aws:iam::1:role/a"])
    assert [statement["Sid"] for statement in document["Statement"]] == ["TakeOnRoles"]
    assert document["Statement"][0]["Resource"] == ["arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b"]
