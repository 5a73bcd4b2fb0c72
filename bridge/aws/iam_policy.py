"""Least-privilege IAM policy for the bridge.

Actions, resources and conditions:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesisdatastreams.html
Encrypted streams: https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

MANAGED_KEY = "alias/aws/kinesis"
"""Alias of the KMS key that AWS manages. Every user of the stream may use this key, so the policy does not name it."""


STREAM_ACTIONS = ("kinesis:PutRecords", "kinesis:DescribeStreamSummary", "kinesis:ListShards")
"""Actions on each stream: send records, read the maximum record size and the encryption key, and list the shards."""

MAX_SIZES = {"an inline policy of a user": 2048, "a managed policy": 6144, "an inline policy of a role": 10_240}
"""Maximum number of characters of each kind of policy, not counting white space:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


class StreamUse(NamedTuple):
    """ARN of a stream, and the ARN of its customer-managed KMS key ("" if it has no such key)."""

    arn: str
    key_arn: str = ""

    @property
    def region(self) -> str:
        """Region of the stream."""
        return self.arn.split(":")[3]


def stream_arn(data_stream: str, region: str, account: str) -> str:
    """Return the ARN of a data stream, given its name or ARN."""
    if data_stream.startswith("arn:"):
        return data_stream
    return f"arn:{partition(region)}:kinesis:{region}:{account}:stream/{data_stream}"


def partition(region: str) -> str:
    """Return the AWS partition of a region, as used in ARNs. Raise ValueError if botocore does not know the region."""
    from botocore.session import get_session  # noqa: PLC0415 - botocore is slow to import

    return str(get_session().get_partition_for_region(region))


def policy(streams: Collection[StreamUse], roles: Collection[str] = ()) -> dict[str, Any]:
    """Return the policy document of an identity. `roles` are the ARNs of the roles that outputs use."""
    arns = sorted({stream.arn for stream in streams})
    # One statement contains all actions. Separate statements would repeat the resources. With nine or more streams, the
    # policy would then exceed the size limit of IAM.
    statements = [
        _statement("SendRecords", list(STREAM_ACTIONS), arns),
        *_encryption(streams),
        _statement("AssumeRoles", "sts:AssumeRole", sorted(set(roles))),
    ]
    # Statements without resources are omitted, for example if no output has a role.
    return {"Version": "2012-10-17", "Statement": [statement for statement in statements if statement["Resource"]]}


def size_of(document: dict[str, Any]) -> int:
    """Return the size of a policy as IAM counts it: the number of characters, not counting white space."""
    return len("".join(json.dumps(document).split()))


def _statement(sid: str, action: str | list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resources}


def _encryption(streams: Iterable[StreamUse]) -> list[dict[str, Any]]:
    """Return a statement for customer-managed keys, if there are any. `kms:ViaService` limits their use to Kinesis."""
    encrypted = [stream for stream in streams if stream.key_arn]
    if not encrypted:
        return []
    services = sorted({f"kinesis.{stream.region}.{_suffix(stream.arn)}" for stream in encrypted})
    statement = _statement("EncryptRecords", "kms:GenerateDataKey", sorted({stream.key_arn for stream in encrypted}))
    return [{**statement, "Condition": {"StringEquals": {"kms:ViaService": services}}}]


def _suffix(arn: str) -> str:
    return "amazonaws.com.cn" if arn.startswith("arn:aws-cn:") else "amazonaws.com"
