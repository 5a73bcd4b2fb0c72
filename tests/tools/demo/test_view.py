import io
import re

import pytest
from rich.console import Console

from bridge.spool.ledger import LedgerRow
from bridge.tools.demo.scene import SceneRates
from bridge.tools.demo.view import View, line, screen, summary
from tests.tools.demo.builders import arrived, read_back, scene
from tests.web.bridges import problem


def drawn(renderable, width=100, height=30):
    out = io.StringIO()
    Console(file=out, width=width, height=height, force_terminal=False).print(renderable)
    return out.getvalue()


def shown(made, width=100, height=30, rates=None):
    return drawn(screen(made, rates or SceneRates(), width, height), width, height)


def test_the_screen_shows_rates_mappings_streams_records_and_letters():
    text = shown(scene(), rates=SceneRates(messages=1234.0))
    for part in (
        "1,234 messages/s",
        "120,000",
        "press-telemetry",
        "factory-telemetry",
        "the books balance",
        "shard  key",
        "not JSON",
        "dead letters: 5",
    ):
        assert part in text


@pytest.mark.parametrize(("width", "height"), [(160, 50), (100, 30), (80, 24), (60, 24), (80, 16), (40, 12)])
def test_the_screen_fits_the_terminal(width, height):
    ledger = tuple(LedgerRow(f"mapping-{n}", "factory-telemetry", n, n, 0, 0, 0, 0) for n in range(3))
    lines = shown(scene(ledger=ledger, problems=(problem(summary="x" * 300),)), width, height).splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_records_and_letters_share_what_the_tables_leave():
    text = shown(scene(), 80, 24)
    assert len(re.findall(r"p\[red\]7", text)) == 7
    assert len(re.findall(r"not JSON", text)) == 4
    text = shown(scene(), 80, 14)
    assert len(re.findall(r"p\[red\]7", text)) == 3
    assert "dead letters" not in text


def test_what_came_from_outside_is_text_and_never_markup():
    text = shown(scene(), width=140)
    assert "[bold]oops[/bold]" in text
    assert "[blink]" in text
    assert "p[red]7" in text


def test_unbalanced_books_and_problems_stand_out():
    wrong = (LedgerRow("a", "s", 10, 1, 0, 0, 0, 0),)
    text = shown(
        scene(
            ledger=wrong, problems=(problem(summary="s: access denied", cause="", advice="grant kinesis:PutRecords"),)
        )
    )
    assert "DO NOT BALANCE" in text
    assert "grant kinesis:PutRecords" in text


def test_a_bridge_without_its_broker_is_seen_to_connect():
    assert "bridge (connecting)" in shown(scene(connected=False, subscribed=False))


@pytest.mark.parametrize("width", [30, 60, 80, 100, 160])
def test_the_summary_leaves_no_number_out_in_a_narrow_terminal(width):
    words = drawn(summary(scene(), width), width).replace(",\n", " ").split()
    numbers = [word.rstrip(",") for word in words if re.fullmatch(r"[\d,]+", word)]
    assert numbers == [
        *("120,345", "120,000", "300", "5", "0", "40"),
        *("7", "7", "0", "0", "0", "0"),
        *("120,352", "120,007", "300", "5", "0", "40"),
    ]


def test_where_there_is_no_terminal_it_is_a_line_a_second():
    out = io.StringIO()
    with View(Console(file=out, width=200, force_terminal=False)) as view:
        view.show(scene(elapsed_secs=12.0, received_messages=100))
        view.show(scene(elapsed_secs=13.0, received_messages=350))
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert "250 messages/s" in lines[1]


def test_a_line_names_every_count():
    text = line(scene(), SceneRates())
    assert "received 120352  delivered 120007  filtered 300  dead_lettered 5  spooled 0" in text


def test_a_terminal_has_what_stood_there_before_when_the_view_ends():
    out = io.StringIO()
    with View(Console(file=out, width=100, height=30, force_terminal=True, _environ={"TERM": "xterm"})) as view:
        view.show(scene(read=read_back(arrived(key="press07"))))
    assert out.getvalue().startswith("\x1b[?1049h")
    assert "press07" in out.getvalue()
    assert "\x1b[?1049l" in out.getvalue()


def test_a_terminal_that_cannot_move_its_cursor_gets_lines():
    out = io.StringIO()
    with View(Console(file=out, width=200, force_terminal=True, _environ={"TERM": "dumb"})) as view:
        view.show(scene())
    assert "messages/s" in out.getvalue()
    assert "\x1b[?1049h" not in out.getvalue()
