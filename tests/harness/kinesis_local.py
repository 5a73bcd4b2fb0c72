"""Emulator of Kinesis that splits and merges shards like AWS: the npm package `kinesis-local`."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from botocore.config import Config
from botocore.session import get_session

from tests.fakes.stream_queue import eventually
from tests.harness.network import free_port

PACKAGE = Path(__file__).parents[2] / "build" / "node" / "node_modules" / "kinesis-local"
INSTALL = "the tests need Node and npm's kinesis-local: `make node` installs them"
CHANGES = ("CREATE_STREAM", "SPLIT_SHARD", "MERGE_SHARDS", "UPDATE_SHARD_COUNT")


@contextlib.contextmanager
def kinesis_local():
    """Start the emulator on a free port of 127.0.0.1, and yield its URL once it responds."""
    node = shutil.which("node") or shutil.which("nodejs")
    assert node, INSTALL
    assert PACKAGE.is_dir(), INSTALL
    port, tls_port = free_port(), free_port()
    settings = {
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": str(tls_port),
        "KINESIS_MOCK_CERT_PATH": str(PACKAGE / "server.json"),
        "AWS_REGION": "us-east-1",
        "LOG_LEVEL": "ERROR",
        **{f"{change}_DURATION": "20ms" for change in CHANGES},
    }
    with subprocess.Popen([node, PACKAGE / "main.js"], env=os.environ | settings, stdout=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            assert eventually(lambda: _responds(client(url)), secs=60), "kinesis-local does not start"
            yield url
        finally:
            process.kill()


def client(url):
    """Return a botocore client that never retries."""
    session = get_session()
    session.set_credentials("test", "test")
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=10)
    return session.create_client("kinesis", region_name="us-east-1", endpoint_url=url, config=config)


def is_active(kinesis, stream):
    """Return whether a stream can be written to and resharded."""
    return kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"


def _responds(kinesis):
    with contextlib.suppress(Exception):
        kinesis.list_streams()
        return True
    return False
