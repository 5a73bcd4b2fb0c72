"""The bridge, killed by itself at one step: `python -m tests.faults.crash_points before commit 30 run --config FILE`.

    before|after   the moment; or `raising`: no kill, but an error that the bridge cannot expect
    map|commit|…   the step, one of STEPS
    30             which call of it, counted from 1

The bridge knows nothing of this: the step's own function is wrapped before the bridge starts. SIGKILL runs no handler,
flushes no buffer and closes no file, as when the power goes.
"""

import itertools
import os
import signal
import sys

from bridge.cli import main
from bridge.ingest.burst_mapper import BurstMapper
from bridge.kinesis.publisher import KinesisPublisher
from bridge.mqtt.subscriber import Subscriber
from bridge.spool.queue.stream_queue import StreamQueue
from bridge.spool.store import Spool

STEPS = {
    "map": (BurstMapper, "map"),
    "commit": (Spool, "commit"),
    "acknowledge": (Subscriber, "acknowledge"),
    "send": (KinesisPublisher, "put_records"),
    "settle": (StreamQueue, "settle"),
}


def die_at(when: str, step: str, call: int) -> None:
    """Kill this process at the chosen call."""
    owner, name = STEPS[step]
    original, calls = getattr(owner, name), itertools.count(1)

    def wrapped(*arguments, **named):
        fatal = next(calls) == call
        if fatal and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if fatal and when == "raising":
            raise RuntimeError(f"raised at {step}")
        result = original(*arguments, **named)
        if fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, wrapped)


if __name__ == "__main__":
    moment, place, number = sys.argv[1:4]
    del sys.argv[1:4]
    die_at(moment, place, int(number))
    main()
