"""Section for the current speed of the machine. Figures are comparable only if this speed was the same.

The speed of a shared machine can change by a factor of two within minutes. This measurement runs alone, so it does not
show how the processes of a benchmark slow each other down.
"""

import json
import time

ROUNDS, TURNS = 5, 2_000
_MESSAGE = {"ts": 1_700_000_000_000, "temperature": 61.5, "tags": {"site": "pdx", "line": "l4"}, "vib": [0.1, 0.2, 0.3]}


def yardstick() -> float:
    """Return the µs of CPU that a fixed Python program needs: the minimum of some rounds."""
    return min(_round() for _ in range(ROUNDS)) / TURNS * 1e6


def _round() -> float:
    began = time.process_time()
    for _ in range(TURNS):
        json.loads(json.dumps(_MESSAGE))
    return time.process_time() - began
