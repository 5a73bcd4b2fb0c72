"""Output of the demo: a live view in a terminal, a plain line a second elsewhere, and a summary at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from bridge.monitoring.problem_text import headline
from bridge.tools.demo import tables
from bridge.tools.demo.scene import Scene, SceneRates, rates_between
from bridge.tools.demo.tables import COUNTS, Column, counts, fitted, least_width, outside

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from bridge.monitoring.problems import ActiveProblem

LETTERS = 4
RECORDS = 8
_HEADER_LINES = 3
_HEADINGS_LINES = 1
_TITLE_AND_HEADINGS_LINES = 2


class View:
    """Output of successive states; rates are between one and the next."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # Use the terminal's alternate screen: the previous content returns when the view ends.
        live = console.is_terminal and not console.is_dumb_terminal
        self._live = Live(console=console, auto_refresh=False, screen=True) if live else None
        self._before: Scene | None = None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, scene: Scene) -> None:
        """Draw a state, which replaces the previous one."""
        rates = rates_between(self._before, scene)
        self._before = scene
        if self._live:
            self._live.update(screen(scene, rates, self._console.width, self._console.height), refresh=True)
        else:
            self._console.print(line(scene, rates), highlight=False, soft_wrap=True)


def line(scene: Scene, rates: SceneRates) -> str:
    """Return one line for a log."""
    snapshot = scene.snapshot
    sums = "  ".join(f"{name} {snapshot.total(name)}" for name in COUNTS)
    return f"{scene.elapsed_secs:5.0f} s  {rates.messages:5.0f} messages/s  published {scene.published}  {sums}"


def screen(scene: Scene, rates: SceneRates, width: int, height: int) -> RenderableType:
    """Return the live view. If it is too high, records and dead letters are omitted, the oldest first."""
    snapshot = scene.snapshot
    parts: list[RenderableType] = [
        _header(scene, rates),
        *[_problem(problem) for problem in snapshot.problems],
        tables.books(snapshot, rates, width),
        tables.streams(snapshot, rates, scene.read_back, width),
    ]
    used = _HEADER_LINES + len(snapshot.problems) + 2 * _HEADINGS_LINES + len(snapshot.ledger) + len(snapshot.streams)
    records, letters = _shares(height - used, len(snapshot.dead_letters))
    if records:
        parts.append(tables.records(scene.read_back, records, width))
    if letters:
        parts.append(tables.dead_letters(snapshot, letters, width))
    return Group(*parts)


def _shares(lines: int, there: int) -> tuple[int, int]:
    """Return the numbers of records and of dead letters that fit into `lines` lines."""
    letters = max(0, min(there, LETTERS, lines // 2 - _TITLE_AND_HEADINGS_LINES))
    taken = letters + _TITLE_AND_HEADINGS_LINES if letters else 0
    return max(0, min(RECORDS, lines - taken - _TITLE_AND_HEADINGS_LINES)), letters


def _problem(problem: ActiveProblem) -> Text:
    text = outside(f"! {headline(problem)}; {problem.advice}")
    text.stylize("bold red" if problem.severity == "error" else "bold yellow")
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _header(scene: Scene, rates: SceneRates) -> RenderableType:
    snapshot = scene.snapshot
    state = "subscribed" if snapshot.subscribed else "connected" if snapshot.connected else "connecting"
    text = Text.assemble(
        (f"{rates.messages:,.0f} messages/s", "bold cyan"),
        f"   {scene.published:,} published → {scene.broker} → bridge ({state}) → ",
        f"{scene.read_back.total:,} read back from Kinesis",
        no_wrap=True,
        overflow="ellipsis",
    )
    return Panel(
        text,
        title=f"mqtt-kinesis demo, {scene.elapsed_secs:.0f} s  (Ctrl-C ends it)",
        title_align="left",
        subtitle="the books balance" if snapshot.balanced else "[bold]THE BOOKS DO NOT BALANCE[/]",
        subtitle_align="right",
        border_style="green" if snapshot.balanced else "red",
    )


def summary(scene: Scene, width: int) -> RenderableType:
    """Return the final ledger: a row for each mapping and stream, and the sums. No number is omitted."""
    snapshot = scene.snapshot
    names = (*COUNTS, "dropped")
    headings = ("received", "delivered", "filtered", "dead", "spooled", "dropped")
    columns = (Column("mapping", least=8), Column("stream", least=8), *map(Column, headings))
    rows = [[outside(row.mapping or "(none)"), outside(row.stream), *counts(row, *names)] for row in snapshot.ledger]
    sums = [Text(f"{snapshot.total(name):,}") for name in names]
    rows.append([Text("all"), Text(""), *sums])
    for cell in rows[-1]:
        cell.stylize("bold")
    if least_width(columns, rows) <= width:
        return fitted(columns, rows, width)
    return Group(*(_in_words(row, headings) for row in rows))


def _in_words(row: list[Text], headings: tuple[str, ...]) -> Text:
    mapping, stream, *numbers = row
    said = [f"{heading} {number.plain}" for heading, number in zip(headings, numbers, strict=True)]
    return Text(f"{mapping.plain} → {stream.plain}" if stream.plain else mapping.plain) + Text("\n  " + ", ".join(said))
