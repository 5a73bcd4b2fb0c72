"""Scenarios of Kinesis: throttling, failures, invalid responses, hangs, lost streams, refusals, resharding."""

from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from tests.faults.scenario import Scenario
from tests.faults.scenario_setup import PACKED, Setup, Stage
from tests.harness.ledger import LedgerState
from tests.harness.publisher import Publisher

STREAMS = ("telemetry", "archive")
POISON = b'"machine":"poison"'
DENIED = "User: arn:aws:iam::000000000000:user/bridge is not authorized to perform: kinesis:PutRecords"


@contextmanager
def failing(stage: Stage, kind: str, **settings):
    """Fail every request until the fault ends."""
    stage.kinesis.fault(kind, **settings)
    yield
    stage.kinesis.clear()


@contextmanager
def partly_failing(stage: Stage, *, share: float, **settings):
    for stream in STREAMS:
        stage.kinesis.fail_records(stream, share=share, **settings)
    yield
    stage.kinesis.clear()


@contextmanager
def bursts(stage: Stage):
    """Cause three bursts of server errors, with valid responses in between."""
    for code, status in (("InternalFailure", 500), ("ServiceUnavailable", 503), ("RequestTimeout", 504)):
        stage.kinesis.fault("error", requests=8, code=code, status=status)
        stage.hold(0.5)
    stage.kinesis.clear()
    yield


@contextmanager
def bad_answers(stage: Stage):
    """Cause faults that store the records and then send no valid response.

    A sender must not count these records as lost.
    """
    for kind in ("truncate", "malformed", "short", "reset"):
        stage.kinesis.fault(kind, requests=4)
        stage.hold(0.5)
    stage.kinesis.clear()
    yield


@contextmanager
def resharded(stage: Stage):
    """Split each shard, and merge the new shards, while records are in flight."""
    for stream in STREAMS:
        first, second = stage.kinesis.streams[stream].split(0)
        stage.hold(0.5)
        stage.kinesis.streams[stream].split(1)
        stage.hold(0.5)
        stage.kinesis.streams[stream].merge(first.number, second.number)
    yield


@contextmanager
def deleted(stage: Stage):
    """Delete a stream, and create it again with another number of shards."""
    stage.sink.read()
    del stage.kinesis.streams["telemetry"]
    yield
    stage.kinesis.create("telemetry", 3)


@contextmanager
def poisoned(stage: Stage):
    """Publish twenty records that Kinesis can never accept, among valid records."""
    for stream in STREAMS:
        stage.kinesis.streams[stream].poison_data = POISON
    bad = [("factory/pdx/line3/poison/telemetry", b'{"machine":"poison","count":%d}' % number) for number in range(20)]
    with Publisher(stage.broker.port, client_id="poisoner") as publisher:
        publisher.publish(bad, 1, 20)
    yield


def in_dead_letters(_stage: Stage, ledger: LedgerState) -> None:
    """Check that each of the twenty records is one dead letter per stream, and that there are no others."""
    assert ledger.total("dead_lettered") == ledger.dead_letters == 20 * len(STREAMS), ledger


UNMAPPABLE = (b"", b"no JSON", b"\xff\xfe", b"[" * 100_000, b'{"count": 1', b'{"count": 1}', b"NaN", b"1e999999")
"""Payloads that cannot be mapped. The complete object lacks the member for the partition key; the others are invalid.
"""


@contextmanager
def unmappable(stage: Stage):
    bad = [("factory/pdx/line3/poison/telemetry", payload) for payload in UNMAPPABLE * 5]
    with Publisher(stage.broker.port, client_id="poisoner") as publisher:
        publisher.publish(bad, 1, 20)
    yield


def rejected(_stage: Stage, ledger: LedgerState) -> None:
    """Check that the ledger counts each message once per stream, and the number of dead letters.

    A payload that cannot be decoded is one dead letter. The message without a partition key is one per stream.
    """
    assert ledger.dead_letters == 5 * (len(UNMAPPABLE) + 1), ledger
    assert ledger.total("dead_lettered") == 5 * len(UNMAPPABLE) * len(STREAMS), ledger


@contextmanager
def troubles(stage: Stage):
    """Cause one fault after the other, without a pause."""
    for trouble in (bursts, bad_answers, resharded):
        with trouble(stage):
            pass
    with partly_failing(stage, share=0.3):
        yield


def refuse(code: str, message: str = "scripted"):
    return partial(failing, kind="error", operation=None, code=code, status=400, message=message)


TROUBLES = Scenario("Kinesis: errors, bad answers, reshards and partial failures in a row", troubles, hold_secs=1)
SCENARIOS = (
    *(
        Scenario(f"Kinesis: {percent} % of the records fail", partial(partly_failing, share=percent / 100), hold_secs=4)
        for percent in (1, 10, 50)
    ),
    Scenario("Kinesis: a hot shard throttled", partial(partly_failing, share=1.0, shard=0), hold_secs=5),
    Scenario("Kinesis: 5xx in bursts", bursts, hold_secs=0),
    Scenario("Kinesis: 5xx to everything for 5 s", partial(failing, kind="error"), hold_secs=5),
    Scenario("Kinesis: hangs for 5 s", partial(failing, kind="hang"), hold_secs=5),
    Scenario("Kinesis: truncated, malformed and short answers, resets", bad_answers, hold_secs=0),
    Scenario("Kinesis: resharded in mid-flight", resharded, Setup(shards=2), hold_secs=0),
    Scenario("Kinesis: a stream deleted and created again", deleted, hold_secs=4),
    Scenario("Kinesis: permission revoked and restored", refuse("AccessDeniedException", DENIED), hold_secs=4),
    Scenario("Kinesis: credentials expired and renewed", refuse("ExpiredTokenException"), hold_secs=4),
    Scenario("Kinesis: twenty poison records among good ones", poisoned, hold_secs=1, expect=in_dead_letters),
    Scenario("Kinesis: messages that no mapping can take, among good ones", unmappable, hold_secs=1, expect=rejected),
    TROUBLES,
    replace(TROUBLES, name=f"{TROUBLES.name}, with packed records", setup=Setup(outputs=PACKED)),
)
