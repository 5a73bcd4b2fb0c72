"""The bridge, which kills itself at one step: `python -m tests.faults.crash_points before commit 30 run --config FILE`.

before|after   when it kills itself; with `raising`, it raises an unexpected error instead
map|commit|…   the step, one of STEPS
30             number of the call of this step, counted from 1

This module wraps the function of the step before the bridge starts, so the bridge has no code for this. As in a power
failure, SIGKILL runs no handler, flushes no buffer and closes no file.
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
    """Kill this process at the chosen call of the step."""
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
