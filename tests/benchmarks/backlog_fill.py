"""Fill a spool as the bridge would, without broker and mapping: `python -m tests.benchmarks.backlog_fill FOLDER COUNT`.

The records are those of the benchmarks' mapping, for its packed output; the ledger are kept, as in every transaction.
"""

import json
import sys
from pathlib import Path

import orjson

from bridge.mapping.loading.loader import compile_text
from bridge.mapping.loading.resources import NO_RESOURCES
from bridge.spool.database.transaction import Transaction
from bridge.spool.opening import open_spool
from bridge.spool.settings import SpoolSettings
from tests.benchmarks.load import packed

BURST = 10_000
NAME = "press-telemetry"


def fill(folder: Path, count: int) -> None:
    """`count` records of about 140 bytes for the one output of the mapping, 200 keys."""
    mapping = compile_text(json.dumps(packed("kpl")), NAME, NO_RESOURCES, shown_as=NAME)
    spool = open_spool(SpoolSettings(path=folder, max_bytes=64 * 1024**3, fresh_bytes=0))
    try:
        number, queue = spool.mapping_number(NAME), spool.queue(str(mapping.outputs[0].destination))
        # Only the measurement itself needs the guarantee of fsync, not its preparation.
        spool._database.execute("pragma synchronous=off")
        for first in range(0, count, BURST):
            for place in range(first, min(count, first + BURST)):
                queue.append(number, f"press{place % 200:03d}", record(place))
            spool.commit(Transaction())
    finally:
        spool.close()


def record(place: int) -> bytes:
    """Return the record of message `place`."""
    machine, temperature = f"press{place % 200:03d}", 20.5 + place % 50
    fields = {"machine": machine, "temp_c": temperature, "site": "pdx", "line": "l3", "count": place, "vib": 0.03}
    return orjson.dumps(fields | {"ts": 1_700_000_000_000 + place})


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]))
