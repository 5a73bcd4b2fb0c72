"""What the demo shows: a live view in a terminal, a plain line a second anywhere else, and a summary at the end."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from bridge.kinesis.reader import Arrived
    from bridge.spool.ledger import LedgerRow
    from bridge.status import Snapshot

RECENT = 2
"""Records shown of each stream."""
LETTERS = 4
_COUNTS = ("received", "delivered", "filtered", "dead_lettered", "spooled")
_HEADINGS = ("received", "delivered", "filtered", "dead", "spooled")


@dataclass(slots=True)
class Scene:
    """What is known at one moment."""

    snapshot: Snapshot
    published: int
    elapsed_secs: float
    broker: str
    arrived: Counter[str] = field(default_factory=Counter)
    recent: dict[str, deque[Arrived]] = field(default_factory=dict)

    def saw(self, record: Arrived) -> None:
        """A record was read back."""
        self.arrived[record.stream] += 1
        self.recent.setdefault(record.stream, deque(maxlen=RECENT)).append(record)


class View:
    """Shows scenes; `rates` are per second, from one scene to the next."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._before: Scene | None = None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, scene: Scene) -> None:
        """Draw a scene in place of the last."""
        rates = self._rates(scene)
        self._before = scene
        if self._live:
            self._live.update(screen(scene, rates), refresh=True)
        else:
            self._console.print(line(scene, rates), highlight=False, soft_wrap=True)

    def _rates(self, scene: Scene) -> dict[tuple[str, str], float]:
        before = self._before
        if before is None or scene.elapsed_secs <= before.elapsed_secs:
            return {}
        then = {(row.mapping, row.stream): row.received for row in before.snapshot.ledger}
        secs = scene.elapsed_secs - before.elapsed_secs
        return {
            (row.mapping, row.stream): (row.received - then.get((row.mapping, row.stream), 0)) / secs
            for row in scene.snapshot.ledger
        }


def line(scene: Scene, rates: dict[tuple[str, str], float]) -> str:
    """One line for a log."""
    snapshot = scene.snapshot
    counts = "  ".join(f"{name} {snapshot.total(name)}" for name in _COUNTS)
    return f"{scene.elapsed_secs:5.0f} s  {sum(rates.values()):6.0f}/s  published {scene.published}  {counts}"


def screen(scene: Scene, rates: dict[tuple[str, str], float]) -> RenderableType:
    """The whole live view."""
    snapshot = scene.snapshot
    return Group(
        _header(scene, sum(rates.values())),
        _by_mapping(snapshot, rates),
        _by_stream(scene),
        _recent(scene),
        _letters(snapshot),
        *[Text(f"! {problem}", style="bold red") for problem in snapshot.problems],
    )


def _header(scene: Scene, rate: float) -> RenderableType:
    snapshot = scene.snapshot
    state = "subscribed" if snapshot.subscribed else "connected" if snapshot.connected else "connecting"
    books = (
        Text("the books balance", style="green") if snapshot.balanced else Text("THE BOOKS DO NOT BALANCE", "bold red")
    )
    text = Text.assemble(
        (f"{rate:,.0f} records/s", "bold cyan"),
        f"   {scene.published:,} published → {scene.broker} → bridge ({state}) → ",
        f"{sum(scene.arrived.values()):,} read back from Kinesis   ",
        books,
    )
    return Panel(text, title=f"mqtt-kinesis demo, {scene.elapsed_secs:.0f} s  (Ctrl-C ends it)", title_align="left")


def _by_mapping(snapshot: Snapshot, rates: dict[tuple[str, str], float]) -> Table:
    table = _table("mapping", "stream", "/s", *_HEADINGS)
    for row in snapshot.ledger:
        rate = f"{rates.get((row.mapping, row.stream), 0):,.0f}"
        table.add_row(row.mapping or "(none)", row.stream, rate, *_cells(row))
    return table


def _cells(row: LedgerRow) -> list[Text]:
    styles = {"dead_lettered": "red", "spooled": "yellow", "delivered": "green"}
    return [
        Text(f"{getattr(row, name):,}", style=styles.get(name, "") if getattr(row, name) else "dim") for name in _COUNTS
    ]


def _by_stream(scene: Scene) -> Table:
    table = _table("stream", "state", "delivered", "read back", "requests", "throttled", "latency")
    for stream in scene.snapshot.streams:
        table.add_row(
            stream.stream,
            Text(stream.state, style="green" if stream.state == "ok" else "red"),
            f"{stream.delivered:,}",
            f"{scene.arrived[stream.stream]:,}",
            f"{stream.requests:,}",
            f"{stream.throttled:,}",
            f"{stream.last_latency_ms:.0f} ms",
        )
    return table


def _recent(scene: Scene) -> Table:
    table = Table(box=None, pad_edge=False, title="read back from Kinesis", title_justify="left", title_style="bold")
    table.add_column("stream", no_wrap=True)
    table.add_column("shard", no_wrap=True)
    table.add_column("key", no_wrap=True, min_width=8, max_width=10)
    table.add_column("data", no_wrap=True, overflow="ellipsis", ratio=1)
    for record in [record for stream in sorted(scene.recent) for record in scene.recent[stream]]:
        shard = record.shard.removeprefix("shardId-").lstrip("0") or "0"
        # Data is shown as text, never as markup: a payload may hold anything.
        table.add_row(record.stream, shard, Text(record.key), Text(record.data.decode(errors="replace")))
    return table


def _letters(snapshot: Snapshot) -> Table:
    title = f"dead letters: {snapshot.dead_letter_count}, each with its raw message and the reason"
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    table.add_column("no", justify="right")
    table.add_column("mapping", no_wrap=True, min_width=16)
    table.add_column("code", no_wrap=True, min_width=9, style="red")
    table.add_column("reason", no_wrap=True, overflow="ellipsis", ratio=1)
    for letter in snapshot.dead_letters[:LETTERS]:
        table.add_row(str(letter.number), letter.mapping, letter.code, Text(letter.detail))
    return table


def summary(scene: Scene) -> Table:
    """The books at the end, a row a mapping and stream, and the sums."""
    table = _table("mapping", "stream", *_HEADINGS, "dropped")
    for row in scene.snapshot.ledger:
        table.add_row(row.mapping or "(none)", row.stream, *_cells(row), f"{row.dropped:,}")
    sums = [f"{scene.snapshot.total(name):,}" for name in (*_COUNTS, "dropped")]
    table.add_section()
    table.add_row("all", "", *sums, style="bold")
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        text = number == 0 or name in ("stream", "state")
        # Numbers are never cut; where the terminal is narrow, names are.
        table.add_column(name, justify="left" if text else "right", no_wrap=True, min_width=None if text else len(name))
    return table
