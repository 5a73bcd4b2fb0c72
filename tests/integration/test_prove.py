"""A stream that is proven complete by its manifests: with packing, over a SIGKILL, by the command, on an emulator."""

import json
import subprocess
import sys

from bridge.demo.kinesis import LocalKinesis
from bridge.kinesis.client import PublisherSettings
from bridge.kinesis.credentials import Authentication
from bridge.kinesis.reader import StreamReader
from tests.integration.arrivals import eventually
from tests.rig.bridge_process import CREDENTIALS, ROOT, BridgeProcess, write_configuration
from tests.rig.publisher import Publisher

COUNT = 400
MAPPING = {
    "topic": "plant/{machine}",
    "outputs": [
        {
            "data_stream": "archive",
            "partition_key_from": "captures.machine",
            "packing": "kpl",
            "envelope": True,
            "linger_ms": 20,
        }
    ],
}


def prove(folder, *options):
    command = [sys.executable, "-m", "bridge", "prove", "archive", "--json", "--config", str(folder / "bridge.yaml")]
    done = subprocess.run([*command, *options], capture_output=True, check=False, cwd=ROOT, text=True)
    return done.returncode, json.loads(done.stdout or "[]"), done.stderr


def told(folder):
    return sum(each["told"] for each in prove(folder)[1])


def test_a_stream_is_proven_complete_over_a_kill(tmp_path, mosquitto):
    kinesis = LocalKinesis()
    try:
        token = Authentication("token", {name: CREDENTIALS[name] for name in ("access_key_id", "secret_access_key")})
        reader = StreamReader(PublisherSettings("us-east-1", token, endpoint_url=kinesis.url))
        reader.create({"archive": 2, "manifests": 1})
        write_configuration(
            tmp_path,
            mqtt={"url": f"mqtt://127.0.0.1:{mosquitto.port}"},
            kinesis={"endpoint_url": kinesis.url, "manifest": {"data_stream": "manifests", "every_secs": 1}},
            mappings={"archive": MAPPING},
        )
        messages = [(f"plant/press{number % 9}", b'{"count": %d}' % number) for number in range(COUNT)]
        with BridgeProcess(tmp_path) as bridge, Publisher(mosquitto.port) as publisher:
            publisher.publish(messages[: COUNT // 2])
            bridge.kill()
            bridge.start()
            publisher.publish(messages[COUNT // 2 :])
            eventually(
                lambda: sum(each["told"] for each in prove(tmp_path)[1]) >= COUNT, "all are told of", every_secs=0.5
            )
            assert bridge.stop() == 0
        code, [verdict], _ = prove(tmp_path)
        assert (code, verdict["proven"], verdict["missing"]) == (0, True, [])
        assert verdict["told"] >= COUNT
        code, _, said = prove(tmp_path, "--manifests", "none")
        assert code == 1
        assert "none" in said
    finally:
        kinesis.stop()
