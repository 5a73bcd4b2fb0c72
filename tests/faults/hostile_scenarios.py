"""Scenario with hostile messages beside the load: too large, too deep, too many values, many keys and topics.

Each kind exceeds one of the limits in docs/reference/limits.md. A separate mapping `hostile` gets these messages, so
that they do not count as messages of the load.
"""

import itertools
from contextlib import contextmanager

import orjson

from bridge.payloads.json_values import MAX_VALUES
from bridge.spool.mapping_state import ROW_BYTES, SPOOL_SHARE
from bridge.spool.read_only import read_states
from tests.faults.scenario import Scenario
from tests.faults.scenario_setup import HOSTILE_TOPIC, WASTE, Setup, Stage
from tests.harness.ledger import LedgerState
from tests.harness.publisher import Publisher

MIB = 1024 * 1024
SPOOL = (("max_bytes", 48 * MIB), ("max_dead_letter_bytes", 4 * MIB))
"""Small limits, which are reached within seconds. The states of mappings then have 12 MiB."""
KEYS = 90_000
MORE_KEYS = 3_000
_TOO_MANY = MAX_VALUES + 1
PAYLOADS = {
    "not JSON": b"\xff\xfe" * 100,
    "too deep": b"[" * 5_000,
    "too many numbers": b"[" + b"1," * _TOO_MANY + b"1]",
    "too many lists": b"[" + b"[]," * _TOO_MANY + b"1]",
    "too many items of each": orjson.dumps([{"v": 1}] * 50_000),
    "too large": b"0" * (10 * MIB + 1),
}
_serial = itertools.count()


def keys(count: int):
    """Yield messages with new keys. Each adds one key to the state of the mapping."""
    for number in itertools.islice(_serial, count):
        yield f"{HOSTILE_TOPIC}/key/{number % 500}", orjson.dumps([{"key": f"machine {number}", "v": number}])


def publish(stage: Stage, messages) -> None:
    # Published without the proxy, so that a fault of the link does not block them.
    with Publisher(stage.broker.port) as publisher:
        publisher.publish(messages)


@contextmanager
def hostile(stage: Stage):
    """Publish one message of each hostile kind, and some thousand new keys."""
    publish(stage, [(f"{HOSTILE_TOPIC}/bad/{number}", each) for number, each in enumerate(PAYLOADS.values())])
    publish(stage, keys(MORE_KEYS))
    yield


@contextmanager
def flooded(stage: Stage):
    """Publish new keys until the state of the mapping reaches its limit. Then publish the messages of `hostile`."""
    publish(stage, keys(KEYS))
    with hostile(stage):
        yield


def bounds_held(stage: Stage, ledger: LedgerState) -> None:
    """Check that the limits were reached, that each hostile message is a dead letter, and that the load continued."""
    log, data = stage.bridge.stderr(), stage.bridge.folder / "data"
    assert "back-pressure" not in log, log[-3000:]
    stored = sum(len(key) + len(value) + ROW_BYTES for _, key, value in read_states(data, "hostile"))
    bound = dict(SPOOL)["max_bytes"] // SPOOL_SHARE
    assert bound * 3 // 4 < stored <= bound, f"{stored:,} bytes of state"
    line = ledger.lines["hostile", WASTE]
    assert line["dead_lettered"] == len(PAYLOADS), line


SCENARIOS = (
    Scenario(
        "hostile messages: too large, too deep, too many values, 90,000 keys",
        flooded,
        Setup(hostile=True, spool=SPOOL),
        expect=bounds_held,
    ),
)
