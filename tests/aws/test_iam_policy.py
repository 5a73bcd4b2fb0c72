import pytest

from bridge.aws.iam_policy import MAX_SIZES, StreamUse, policy, size_of, stream_arn

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


def test_arn_stays_as_it_is():
    assert stream_arn(ARN, "eu-west-1", "") == ARN


def test_policy_permits_each_stream_once_and_nothing_else():
    document = policy([StreamUse(ARN), StreamUse(ARN)])
    assert {sid: statement["Action"] for sid, statement in by_sid(document).items()} == {
        "SendRecords": ["kinesis:PutRecords", "kinesis:DescribeStreamSummary", "kinesis:ListShards"]
    }
    assert all(statement["Resource"] == [ARN] for statement in document["Statement"])


def test_keys_are_permitted_through_kinesis_only():
    statement = by_sid(policy([StreamUse(ARN, KEY), StreamUse(ARN + "2")]))["EncryptRecords"]
    assert (statement["Action"], statement["Resource"]) == ("kms:GenerateDataKey", [KEY])
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": ["kinesis.us-east-1.amazonaws.com"]}}


def test_identity_that_only_takes_on_roles_may_do_just_that():
    document = policy([], ["arn:aws:iam::1:role/b", "arn:aws:iam::1:role/a"])
    assert [statement["Sid"] for statement in document["Statement"]] == ["AssumeRoles"]
    assert document["Statement"][0]["Resource"] == ["arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b"]


def test_policy_of_many_streams_fits_a_user():
    """Stream names may have 128 characters. This test has 23 names of 26 characters."""
    arns = [f"arn:aws:kinesis:eu-central-1:123456789012:stream/factory-telemetry-line-{n:03}" for n in range(23)]
    size = size_of(policy([StreamUse(arn) for arn in arns]))
    assert 1800 < size <= MAX_SIZES["an inline policy of a user"]


def test_size_of_a_policy_counts_no_white_space():
    assert size_of({"a b": ["c", 1]}) == len('{"ab":["c",1]}')
