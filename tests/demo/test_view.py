import io

import pytest
from rich.console import Console

from bridge.demo.view import Scene, View, line, screen, summary
from bridge.kinesis.health import StreamStatus
from bridge.kinesis.reader import Arrived
from bridge.spool.ledger import LedgerRow
from bridge.status import DeadLetterSummary, Snapshot


def stream_status(**changes):
    values = dict.fromkeys(StreamStatus.__slots__, 0) | {"stream": "factory-telemetry", "state": "ok"}
    values |= {"code": "", "detail": "", "hint": "", "max_record_bytes": None}
    return StreamStatus(**(values | changes))


def snapshot(**changes):
    values = {
        "broker": "mqtt://127.0.0.1:1883",
        "protocol": "5",
        "connected": True,
        "subscribed": True,
        "connections": 1,
        "received_messages": 120_345,
        "redelivered": 0,
        "unmatched": 0,
        "ledger": (LedgerRow("press-telemetry", "factory-telemetry", 120_345, 120_000, 300, 5, 0, 40),),
        "streams": (stream_status(delivered=120_000),),
        "spool_bytes": 4096,
        "dead_letter_count": 5,
        "dead_letters": (DeadLetterSummary(5, "press-telemetry", "a/b", "decode", "not JSON: [bold]oops[/bold]"),),
        "problems": (),
    }
    return Snapshot(**(values | changes))


def scene(**changes):
    made = Scene(snapshot(**changes), published=130_000, elapsed_secs=12.0, broker="mosquitto")
    made.saw(Arrived("factory-telemetry", "shardId-000000000001", "p[red]7", "49", b'{"x": "[blink]"}'))
    return made


def drawn(renderable, width=100):
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(renderable)
    return out.getvalue()


def test_the_screen_shows_rates_mappings_streams_records_and_letters():
    text = drawn(screen(scene(), {("press-telemetry", "factory-telemetry"): 1234.0}))
    for shown in (
        "1,234",
        "120,000",
        "press-telemetry",
        "factory-telemetry",
        "the books balance",
        "not JSON",
        "dead letters: 5",
    ):
        assert shown in text


def test_what_came_from_outside_is_text_and_never_markup():
    text = drawn(screen(scene(), {}), width=140)
    assert "[bold]oops[/bold]" in text
    assert "[blink]" in text
    assert "p[red]7" in text


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_numbers_are_never_cut_in_a_narrow_terminal(width):
    text = drawn(summary(scene()), width)
    assert "120,345" in text
    assert "120,000" in text


def test_unbalanced_books_and_problems_stand_out():
    wrong = (LedgerRow("a", "s", 10, 1, 0, 0, 0, 0),)
    text = drawn(screen(scene(ledger=wrong, problems=("s: access denied; grant kinesis:PutRecords",)), {}))
    assert "DO NOT BALANCE" in text
    assert "grant kinesis:PutRecords" in text


def test_where_there_is_no_terminal_it_is_a_line_a_second():
    out = io.StringIO()
    with View(Console(file=out, width=200, force_terminal=False)) as view:
        view.show(scene())
        later = scene()
        later.elapsed_secs = 13.0
        view.show(later)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert all("delivered 120000" in each for each in lines)


def test_a_line_names_every_count():
    assert "received 120345  delivered 120000  filtered 300  dead_lettered 5  spooled 40" in line(scene(), {})
