"""Command `demo`: see bridge.tools.demo."""

from __future__ import annotations

import sys

from rich.console import Console

from bridge.terminal import supports_colour
from bridge.tools.demo.run import run_demo


def demo(secs: int) -> int:
    """Run the demo and return its exit code; 0 seconds: until Ctrl-C."""
    return run_demo(secs or None, Console(color_system="auto" if supports_colour(sys.stdout) else None))
