"""Output of `status --watch`, with a terminal in memory and without one."""

import io
import signal
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.live import Live

from bridge.cli.output.screen import LiveScreen, PlainScreen, clip_to_height, open_screen


@given(st.lists(st.text(), max_size=9), st.integers(0, 9))
def test_lines_beyond_the_height_are_counted(lines, height):
    clipped = clip_to_height(lines, height)
    assert len(clipped) <= max(1, height)
    if len(lines) > max(1, height):
        assert clipped[:-1] == lines[: len(clipped) - 1]
        assert clipped[-1] == f"... {len(lines) - len(clipped) + 1} more lines: enlarge the window"
    else:
        assert clipped == lines


def test_screen_without_a_terminal_prints_all_lines(capsys):
    with open_screen(plain=False) as screen:
        screen.show(lambda width: [f"width {width}", "second"])
        screen.wait(0.0)
    assert capsys.readouterr().out == "width None\nsecond\n"


def terminal(monkeypatch):
    """Replace standard output by a terminal. pytest restores standard output after fixtures, so this is no fixture."""
    out = io.StringIO()
    out.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm")
    return out


@pytest.mark.parametrize(("plain", "term"), [(True, "xterm"), (False, "dumb")])
def test_screen_is_plain_on_request_and_on_a_dumb_terminal(monkeypatch, plain, term):
    out = terminal(monkeypatch)
    monkeypatch.setenv("TERM", term)
    with open_screen(plain=plain) as screen:
        assert isinstance(screen, PlainScreen)
    assert out.getvalue() == ""


def test_screen_on_a_terminal_restores_it_and_the_signal_handler(monkeypatch):
    out, before = terminal(monkeypatch), signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, open_screen(plain=False):
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    # The escape sequences that leave full-screen mode.
    assert out.getvalue().rstrip().endswith("\x1b[?25h\x1b[?1049l")


def test_screen_draws_again_when_the_window_changes_its_size():
    console = Console(file=io.StringIO(), force_terminal=True, width=20, height=3)
    widths = []

    def lines(width):
        widths.append(width)
        # The user enlarges the window once, after the first drawing.
        console.size = (40, 9)
        return ["line"] * 5

    with Live(screen=True, auto_refresh=False, console=console) as live:
        screen = LiveScreen(live)
        screen.show(lines)
        screen.wait(0.001)
        screen.wait(0.001)
    assert widths == [20, 40]
