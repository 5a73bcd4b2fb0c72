"""The bridge with a decoder that ends the process: `python -m tests.faults.poison.deadly_bridge run --config FILE`.

A JSON payload with one of the words in DEATHS ends the process that decodes it. Each word does this in another way.
"""

import os
import re
import signal
from types import SimpleNamespace

import orjson

from bridge.cli import main
from bridge.mapping.pipeline import fast_path
from bridge.payloads.json import JsonDecoder
from bridge.runtime import hang_watchdog

MAX_BURST_SECS = 2.0
BLOCK_BYTES = 1 << 20


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def never_return() -> None:
    while True:
        pass


def never_release_the_lock() -> None:
    """Run C code that takes years and does not release the lock of the interpreter."""
    re.match(r"(a+)+$", "a" * 64 + "b")


def exhaust_the_memory() -> None:
    blocks = []
    while True:
        blocks.append(os.urandom(BLOCK_BYTES))


DEATHS = {
    b"KILLS": kill,
    b"HANGS": never_return,
    b"BLOCKS": never_release_the_lock,
    b"EXHAUSTS": exhaust_the_memory,
}


def make_deadly() -> None:
    """Patch the decoder so that a word of DEATHS ends the process, and shorten the time limit of the watchdog."""
    decode = JsonDecoder.decode

    def deadly(self: JsonDecoder, payload: bytes) -> object:
        for word, death in DEATHS.items():
            if word in payload:
                death()
        return decode(self, payload)

    JsonDecoder.decode = deadly  # type: ignore[method-assign]  # the purpose of this module
    # The bridge reads small payloads with orjson directly, without the decoder.
    reader = SimpleNamespace(loads=lambda payload: deadly(JsonDecoder(), payload), dumps=orjson.dumps)
    fast_path.orjson = reader  # type: ignore[assignment]  # as above
    hang_watchdog.MAX_BURST_SECS = MAX_BURST_SECS  # type: ignore[misc]  # as above


if __name__ == "__main__":
    make_deadly()
    main()
