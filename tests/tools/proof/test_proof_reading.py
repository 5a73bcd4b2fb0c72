"""A proof read from the stand-in: by name, ARN, region and role, as a KCL reads, and continued."""

import pytest

from bridge.errors import BridgeError, Refused
from bridge.kinesis.packing.kpl_aggregation import KplEncoder
from bridge.model import Destination, Record
from bridge.tools.proof.proof_reading import ProofReading, ProofRequest
from tests.fakes.kinesis_streams import Stored
from tests.kinesis.conftest import kinesis, publisher  # noqa: F401 - fixtures
from tests.tools.proof.manifests import manifest, record

FAR = "archive region=eu-west-1"
ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/archive"


def put(server, name, *datas, shard=0):
    kept = server.streams[name].shards[shard].stored
    kept += [Stored("shard", f"{len(kept) + n:056d}", "k", data) for n, data in enumerate(datas, 1)]


@pytest.fixture
def server(kinesis):  # noqa: F811 - the fixture
    kinesis.create("manifests")
    kinesis.create("archive", 4)
    return kinesis


def read(publisher, request):  # noqa: F811 - the fixture
    reading = ProofReading(request, publisher, wait=lambda _secs: None)
    for _ in reading.read():
        pass
    return reading


def verdict_of(publisher, request):  # noqa: F811 - the fixture
    (verdict,) = read(publisher, request).verifier.verdicts()
    return verdict


@pytest.mark.parametrize("asked", ["archive", ARN])
@pytest.mark.parametrize("written", ["archive packing=kpl", f"{ARN} order=strict"])
def test_stream_is_proven_by_name_and_by_arn(server, publisher, asked, written):  # noqa: F811 - the fixture
    put(server, "manifests", manifest(1, 4, stream=written), manifest(1, 1, stream="other", spool="0000000b"))
    for number in range(1, 5):
        put(server, "archive", record(number), shard=number - 1)
    verdict = verdict_of(publisher, ProofRequest(asked, "manifests"))
    assert (verdict.complete, verdict.found) == (True, 4)


def test_records_that_the_kcl_discards_are_missing(server, publisher):  # noqa: F811 - the fixture
    put(server, "manifests", manifest(1, 40))
    records = [Record(n, 1, f"key-{n}", record(n)) for n in range(1, 41)]
    for start in range(0, 40, 10):
        put(server, "archive", KplEncoder().encode(records, start, 1 << 20, None).data)
    by_one_key = verdict_of(publisher, ProofRequest("archive", "manifests"))
    assert (by_one_key.complete, by_one_key.found, by_one_key.discarded) == (False, 0, 100)


def test_aggregates_on_the_shard_of_their_keys_are_there(server, publisher):  # noqa: F811 - the fixture
    put(server, "manifests", manifest(1, 40))
    shards = server.streams["archive"].shards
    for shard in shards:
        own = [n for n in range(1, 41) if server.streams["archive"].shard_of(f"key-{n}") is shard]
        records = [Record(n, 1, f"key-{n}", record(n)) for n in own]
        put(server, "archive", KplEncoder().encode(records, 0, 1 << 20).data, shard=shard.number)
    assert verdict_of(publisher, ProofRequest("archive", "manifests")).complete


def destinations(publisher, server, *streams, **options):  # noqa: F811 - the fixture
    put(server, "manifests", *(manifest(1, 1, stream=each, queue=n) for n, each in enumerate(streams)))
    reading = ProofReading(ProofRequest("archive", "manifests", **options), publisher, wait=lambda _secs: None)
    for name in reading.read():
        assert name == "manifests"
        break
    return reading.destinations()


def test_region_and_role_are_those_of_the_manifests(server, publisher):  # noqa: F811 - the fixture
    role = "arn:aws:iam::123456789012:role/r"
    streams = [
        "archive",
        "archive packing=kpl",
        f"archive region=eu-west-1 role_arn={role}",
        "archive region=eu-west-1",
    ]
    assert destinations(publisher, server, *streams) == [
        Destination("archive"),
        Destination("archive", region="eu-west-1"),
    ]


def test_region_and_role_of_the_command_count(server, publisher):  # noqa: F811 - the fixture
    streams = ["archive region=eu-west-1", "archive region=us-west-2", "archive"]
    role = "arn:aws:iam::123456789012:role/other"
    found = destinations(publisher, server, *streams, region="eu-west-1", role_arn=role)
    assert found == [Destination("archive", region="eu-west-1", role_arn=role)]


def test_proof_that_was_interrupted_continues_where_it_was(server, publisher, tmp_path):  # noqa: F811 - the fixture
    put(server, "manifests", manifest(1, 6))
    for number in range(1, 5):
        put(server, "archive", record(number), shard=number - 1)
    request = ProofRequest("archive", "manifests", progress_file=tmp_path / "proof")
    reading = ProofReading(request, publisher, wait=lambda _secs: None)
    for pages, _ in enumerate(reading.read()):
        if pages == 2:
            server.fault("error", operation="GetRecords", status=400, code="AccessDeniedException")
            break
    with pytest.raises(Refused):
        read(publisher, request)
    put(server, "archive", record(5), record(6))
    server.clear()
    continued = read(publisher, request)
    (verdict,) = continued.verifier.verdicts()
    assert (verdict.complete, verdict.found, verdict.repeated) == (True, 6, 0)
    assert continued.records <= 5
    assert read(publisher, request).records == 0


def test_stored_since_is_an_hour_after_the_end_of_the_retention(server, publisher):  # noqa: F811 - the fixture
    put(server, "manifests", manifest(1, 1))
    reading = read(publisher, ProofRequest("archive", "manifests"))
    created_ms, day_ms = 1_700_000_000_000, 86_400_000
    assert reading.retained_since(created_ms + day_ms - 1000) == ""
    assert reading.retained_since(created_ms + day_ms + 1000) == "2023-11-14T23:13:21.000Z"


def test_stream_that_does_not_exist_is_an_error(server, publisher):  # noqa: F811 - the fixture
    with pytest.raises(BridgeError, match="ResourceNotFound"):
        read(publisher, ProofRequest("archive", "none"))
