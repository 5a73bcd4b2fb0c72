"""Fill a spool in the same way as the bridge: `python -m tests.benchmarks.backlog_fill FOLDER COUNT`.

It needs no broker and no mapping. The records are those of the benchmarks' mapping with a packed output, and the ledger
is updated in every transaction.
"""

import json
import sys
from pathlib import Path

import orjson

from bridge.mapping.loading.mapping_loader import compile_text
from bridge.mapping.loading.resources import NO_RESOURCES
from bridge.spool.database.transaction import Transaction
from bridge.spool.opening import open_spool
from bridge.spool.settings import SpoolSettings
from tests.benchmarks.load import packed

BURST = 10_000
NAME = "press-telemetry"


def fill(folder: Path, count: int) -> None:
    """Write `count` records of about 140 bytes with 200 keys to the output of the mapping."""
    mapping = compile_text(json.dumps(packed("kpl")), NAME, NO_RESOURCES, shown_as=NAME)
    spool = open_spool(SpoolSettings(path=folder, max_bytes=64 * 1024**3, fresh_bytes=0))
    try:
        number, queue = spool.mapping_number(NAME), spool.queue(str(mapping.outputs[0].destination))
        # Turn off fsync, which is needed for the measurement but not for its preparation.
        spool._database.execute("pragma synchronous=off")
        for first in range(0, count, BURST):
            for place in range(first, min(count, first + BURST)):
                queue.append(number, f"press{place % 200:03d}", record(place))
            spool.commit(Transaction())
    finally:
        spool.close()


def record(place: int) -> bytes:
    """Return the record of the message with this number."""
    machine, temperature = f"press{place % 200:03d}", 20.5 + place % 50
    fields = {"machine": machine, "temp_c": temperature, "site": "pdx", "line": "l3", "count": place, "vib": 0.03}
    return orjson.dumps(fields | {"ts": 1_700_000_000_000 + place})


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]))
