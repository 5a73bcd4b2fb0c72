"""Python's collector of cycles, in a process that makes few of them."""

import gc
from typing import Final

_COLLECTED_AT: Final = 50_000
"""Containers made, less those that are gone, between two looks for cycles: a full window of records is no garbage, and
looking through it at Python's own 700 takes 0.7 µs a message; what is imported stays, and takes a sixth of a start."""


def collect_seldom() -> None:
    """First of all."""
    gc.set_threshold(_COLLECTED_AT)


def keep_all() -> None:
    """Once everything is made that stays: it is not looked at any more."""
    gc.freeze()
