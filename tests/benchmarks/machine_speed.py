"""How fast the machine is at the moment: figures of different hours are worth comparing where this is the same.

Shared machines change their speed twofold within minutes. This runs by itself; what the parts of a benchmark take from
each other, two to a core, it does not show.
"""

import json
import time

ROUNDS, TURNS = 5, 2_000
_MESSAGE = {"ts": 1_700_000_000_000, "temperature": 61.5, "tags": {"site": "pdx", "line": "l4"}, "vib": [0.1, 0.2, 0.3]}


def yardstick() -> float:
    """µs of CPU that a fixed piece of Python takes: the least of some rounds."""
    return min(_round() for _ in range(ROUNDS)) / TURNS * 1e6


def _round() -> float:
    began = time.process_time()
    for _ in range(TURNS):
        json.loads(json.dumps(_MESSAGE))
    return time.process_time() - began
