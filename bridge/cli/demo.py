"""`demo`: see bridge.demo."""

from __future__ import annotations

import sys

from rich.console import Console

from bridge.demo.run import run_demo
from bridge.ink import colourful


def demo(secs: int) -> int:
    """The demo's exit code; 0 seconds is until Ctrl-C."""
    return run_demo(secs or None, Console(color_system="auto" if colourful(sys.stdout) else None))
