"""Command `prove` on an emulator: manifests prove that a packed stream is complete, even after a SIGKILL."""

import json

import pytest

from bridge.aws.credentials import Authentication
from bridge.kinesis import publisher as kinesis_publisher
from bridge.kinesis.local_stream_reader import LocalStreamReader
from bridge.kinesis.publisher import PublisherSettings
from bridge.tools.demo.local_kinesis import LocalKinesis
from bridge.tools.proof.proof_reading import ProofReading, ProofRequest
from tests.harness.bridge_process import CREDENTIALS, BridgeProcess, write_configuration
from tests.harness.cli_runner import called
from tests.harness.publisher import Publisher
from tests.harness.workers import Workers
from tests.integration.arrivals import eventually

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
    done = called(folder, "prove", "archive", "--json", *options)
    return done.returncode, json.loads(done.stdout or "{}").get("queues"), done.stderr


def covered(settings):
    """Return the number of records that manifests cover."""
    reading = ProofReading(
        ProofRequest("archive", "manifests"), kinesis_publisher.KinesisPublisher(settings), wait=lambda _secs: None
    )
    for _ in reading.read():
        pass
    return sum(each.covered for each in reading.verifier.verdicts())


@pytest.fixture
def configured(tmp_path, mosquitto):
    """Folder of a bridge between `mosquitto` and an emulator that stores records, and a publisher that reads them."""
    kinesis = LocalKinesis()
    try:
        token = Authentication("token", {name: CREDENTIALS[name] for name in ("access_key_id", "secret_access_key")})
        settings = PublisherSettings("us-east-1", token, endpoint_url=kinesis.url)
        LocalStreamReader(settings).create({"archive": 2, "manifests": 1})
        yield (
            settings,
            write_configuration(
                tmp_path,
                mqtt={"url": f"mqtt://127.0.0.1:{mosquitto.port}"},
                kinesis={"endpoint_url": kinesis.url, "manifest": {"data_stream": "manifests", "every_secs": 1}},
                mappings={"archive": MAPPING},
            ),
        )
    finally:
        kinesis.stop()


MESSAGES = [(f"plant/press{number % 9}", b'{"count": %d}' % number) for number in range(COUNT)]


def test_stream_is_proven_complete_over_a_kill(configured, mosquitto):
    settings, folder = configured
    with BridgeProcess(folder) as bridge, Publisher(mosquitto.port) as publisher:
        publisher.publish(MESSAGES[: COUNT // 2])
        bridge.kill()
        bridge.start()
        publisher.publish(MESSAGES[COUNT // 2 :])
        eventually(lambda: covered(settings) >= COUNT, "all are covered", every_secs=0.2)
        assert bridge.stop() == 0
    code, [verdict], _ = prove(folder)
    assert (code, verdict["complete"], verdict["missing"], verdict["unchecked"]) == (0, True, [], 0)
    assert verdict["covered"] >= COUNT
    code, _, said = prove(folder, "--manifests", "none")
    assert code == 3
    assert "none" in said


def test_prove_checks_the_records_of_workers_by_spool(configured, mosquitto):
    settings, folder = configured
    with Workers(folder, 2) as running, Publisher(mosquitto.port) as publisher:
        publisher.publish(MESSAGES)
        eventually(lambda: covered(settings) >= COUNT, "all are covered", every_secs=0.2)
        said = running.command("prove", "archive")
        assert running.stop() == 0
    assert said.returncode == 0, said.stderr
    bridges = [line.split(",")[0] for line in said.stdout.splitlines() if line.endswith(": complete")]
    assert bridges == ["bridge-1", "bridge-2"]
    assert said.stdout.splitlines()[-1] == "2 of 2 complete"
