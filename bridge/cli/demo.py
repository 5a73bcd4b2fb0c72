"""`demo`: see bridge.demo."""

from __future__ import annotations

from rich.console import Console

from bridge.demo.run import run_demo


def demo(secs: int) -> int:
    """The demo's exit code; 0 seconds is until Ctrl-C."""
    return run_demo(secs or None, Console())
