"""Command `demo`: see bridge.tools.demo."""

from __future__ import annotations

from bridge.terminal import BAD, GOOD, print_coloured
from bridge.tools.demo.run import run_demo

_INKS = {"^✓": GOOD, "^✗ FAILED:": BAD, "^OK": GOOD, "^ERROR": BAD}


def demo(secs: int) -> int:
    """Run the demo and return its exit code. With 0 seconds, it runs until Ctrl-C."""
    return run_demo(secs or None, lambda text: print_coloured(text, _INKS))
