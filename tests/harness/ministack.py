"""MiniStack, an emulator of AWS that checks signatures and IAM policies. It has a virtual environment under build/.

The root key (`test`) may do everything, and MiniStack does not check its signatures. It checks those of users.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import boto3

from tests.harness.network import free_port, wait_for_port

ROOT = Path(__file__).parents[2]
EXECUTABLE = ROOT / "build" / "ministack" / "bin" / "ministack"
ACCOUNT = "000000000000"
STREAM_ARN = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resources):
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


class MiniStack:
    """Running MiniStack: `with MiniStack() as aws`, then aws.url and aws.client("iam")."""

    def __init__(self) -> None:
        assert EXECUTABLE.exists(), "MiniStack is missing; make ministack"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = tempfile.TemporaryDirectory(prefix="ministack-")

    def __enter__(self):
        environment = {
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "LOG_LEVEL": "WARNING",
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_IMDS_V2_REQUIRED": "1",
            "TMPDIR": self._folder.name,
        }
        log = Path(self._folder.name, "log").open("wb")
        self._process = subprocess.Popen(
            [EXECUTABLE], env=os.environ | environment, stdout=log, stderr=log, cwd=self._folder.name
        )
        log.close()
        wait_for_port(self.port)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def client(self, service, region="us-east-1", key=("test", "test", None)):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            aws_session_token=key[2],
        )

    def stream(self, name, region="us-east-1"):
        kinesis = self.client("kinesis", region)
        kinesis.create_stream(StreamName=name, ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})

    def stored(self, name, region="us-east-1"):
        """Return the data of all records in the stream."""
        kinesis = self.client("kinesis", region)
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]

    def user(self, name, *statements):
        """Create a user with this policy. Return (access key ID, secret access key)."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        self.permit(name, *statements)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def permit(self, name, *statements):
        """Replace the policy of a user."""
        iam = self.client("iam")
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="its", PolicyDocument=policy(*statements))
        elif iam.list_user_policies(UserName=name)["PolicyNames"]:
            iam.delete_user_policy(UserName=name, PolicyName="its")

    def role(self, name, trust, *statements):
        """Create a role, and return its ARN."""
        iam = self.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="its", PolicyDocument=policy(*statements))
        return role["Arn"]
