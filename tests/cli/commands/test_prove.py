"""Command `prove`: output and exit codes, with a simulated Kinesis."""

import json
import time

import pytest

from bridge.cli.commands.prove import prove
from bridge.runtime.exit_codes import FAILED, NOT_CHECKED
from bridge.tools.proof.proof_reading import ProofRequest
from tests.fakes.kinesis import KinesisStandIn
from tests.tools.proof.manifests import manifest, record
from tests.tools.proof.test_proof_reading import put

CONFIG = """
mqtt: {url: "mqtt://127.0.0.1:1883", client_id: test}
kinesis:
  region: us-east-1
  endpoint_url: %s
  authentication: {type: token, access_key_id: AKIDTEST, secret_access_key: wJalrXUtnSECRET}
http: null
"""


@pytest.fixture
def server():
    with KinesisStandIn({"archive": 1, "manifests": 1}) as running:
        # The stream is younger than its retention, so no record can have expired.
        running.streams["archive"].created_at = int(time.time())
        yield running


@pytest.fixture
def run(server, tmp_path):
    (tmp_path / "mappings").mkdir()
    config = tmp_path / "bridge.yaml"
    config.write_text(CONFIG % server.url)

    def run(*, as_json=False, manifests="manifests", **options):
        return prove(config, ProofRequest("archive", manifests, **options), as_json=as_json)

    return run


def test_prove_of_a_complete_stream_exits_with_0(server, run, capsys):
    put(server, "manifests", manifest(1, 5, **{"except": [{"first": 2, "last": 2, "reason": "dropped"}]}), b"foreign")
    put(server, "archive", *(record(number) for number in (1, 3, 4, 5, 5, 6)))
    assert run() == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "press-shop, archive (spool 0000000a, queue 1): complete",
        "  manifests cover 5 records up to 2026-01-31T12:00:00.000Z: 4 found, 1 excluded (dropped: 1)",
        "  1 found more than once, 1 newer than the last manifest",
    ]
    assert printed.err == "note: manifests contains 1 record other than manifests\n"


def test_prove_of_an_incomplete_stream_exits_with_1(server, run, capsys):
    put(server, "manifests", manifest(1, 5), manifest(8, 9))
    put(server, "archive", record(1), record(2), record(8, b"2"), record(9))
    assert run() == FAILED
    assert capsys.readouterr().out.splitlines() == [
        "press-shop, archive (spool 0000000a, queue 1): INCOMPLETE",
        "  manifests cover 7 records up to 2026-01-31T12:00:00.000Z: 4 found, 0 excluded",
        "  0 found more than once, 0 newer than the last manifest",
        "  missing: 3 to 5",
        "  altered (their checksum differs from the manifest): 8 to 9",
        "  covered by no manifest: 6 to 7",
    ]


def test_prove_as_json_has_every_field_of_the_verdict(server, run, capsys):
    put(server, "manifests", manifest(1, 2))
    put(server, "archive", record(1))
    assert run(as_json=True) == FAILED
    (verdict,) = json.loads(capsys.readouterr().out)["queues"]
    assert (verdict["queue"], verdict["complete"], verdict["missing"]) == (
        {"spool": "0000000a", "queue": 1},
        False,
        [[2, 2]],
    )


def test_prove_without_a_manifest_about_the_stream_exits_with_3(server, run, capsys):
    put(server, "manifests", manifest(1, 2, stream="other"))
    assert run() == NOT_CHECKED
    assert "no manifest in manifests covers archive" in capsys.readouterr().err


def test_prove_as_json_that_cannot_check_prints_an_error(server, run, capsys):
    put(server, "manifests", manifest(1, 2, stream="other"))
    assert run(as_json=True) == NOT_CHECKED
    document = json.loads(capsys.readouterr().out)
    assert (document["schema_version"], document["error"]["code"]) == (1, "not_checked")
    assert "no manifest in manifests covers archive" in document["error"]["message"]


@pytest.mark.parametrize("operation", ["ListShards", "GetRecords", "DescribeStreamSummary"])
def test_prove_without_permission_exits_with_3_and_advice(server, run, capsys, operation):
    put(server, "manifests", manifest(1, 2))
    server.fault("error", operation=operation, stream="archive", status=400, code="AccessDeniedException")
    server.fault("error", operation="GetRecords", status=400, code="AccessDeniedException", message="may not")
    assert run() == NOT_CHECKED
    assert "could not be checked: AccessDeniedException" in capsys.readouterr().err


def test_prove_with_the_progress_of_another_proof_exits_with_3(server, run, capsys, tmp_path):
    (tmp_path / "progress").write_bytes(b"nothing")
    assert run(progress_file=tmp_path / "progress") == NOT_CHECKED
    assert "not the progress of a proof" in capsys.readouterr().err
