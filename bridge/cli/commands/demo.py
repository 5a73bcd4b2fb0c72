"""Command `demo`: runs the demo of `bridge.tools.demo` on the terminal."""

from __future__ import annotations

from bridge.terminal import BAD, GOOD, print_coloured
from bridge.tools.demo.lifecycle import run_demo

_COLOURS = {"^✓": GOOD, "^✗ FAILED:": BAD, "^OK": GOOD, "^ERROR": BAD}


def demo(secs: int) -> int:
    """Run the demo for `secs` seconds, or until Ctrl-C if `secs` is 0. Return the exit code."""
    return run_demo(secs or None, lambda text: print_coloured(text, _COLOURS))
