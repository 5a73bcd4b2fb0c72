"""`status --watch`: what changed between two looks at the bridge, as rates, and when the backlog will be gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS: Final = 13
_SOON_SECS: Final = 5.0
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


def watched(told: dict[str, Any], before: dict[str, Any] | None, secs: float) -> Iterator[str]:
    """The lines of one look; `before`: the look `secs` seconds ago, None at the first, which has no rates."""
    yield from (f"problem   {printable(problem)}" for problem in told["problems"])
    session = "subscribed" if told["subscribed"] else "connected" if told["connected"] else "not connected"
    yield printable(f"broker    {told['broker']}, MQTT {told['protocol']}: {session}")
    received = _rate(told, before, secs, lambda each: each["received_messages"])
    delivered = _rate(told, before, secs, lambda each: sum(stream["delivered"] for stream in each["streams"]))
    yield f"messages  {_shown(received)}/s received, {_shown(delivered)}/s delivered"
    yield f"backlog   {_backlog(told, before, secs)}"
    yield f"spool     {told['spool_bytes'] / 2**20:,.1f} MiB, {told['dead_letter_count']:,} dead letters"
    yield from _streams(told, before, secs)
    yield from _mappings(told, before, secs)
    yield "the books balance" if told["balanced"] else "THE BOOKS DO NOT BALANCE: please report this"


def duration(secs: float) -> str:
    """In the largest unit that there is one of."""
    return next((f"{secs / size:.1f} {unit}" for unit, size in _UNITS if secs >= size), f"{secs:.0f} s")


def _backlog(told: dict[str, Any], before: dict[str, Any] | None, secs: float) -> str:
    count = _spooled(told)
    oldest = max((stream["oldest_secs"] for stream in told["streams"]), default=0.0)
    if not count:
        return "nothing waits"
    if oldest < _SOON_SECS:
        return f"{count:,} records, sent as they come"
    shrinking = (_spooled(before) - count) / secs if before is not None and secs else 0.0
    then = (
        "" if before is None else f", drained in {duration(count / shrinking)}" if shrinking > 0 else ", not shrinking"
    )
    return f"{count:,} records, the oldest {duration(oldest)}{then}"


def _streams(told: dict[str, Any], before: dict[str, Any] | None, secs: float) -> Iterator[str]:
    was = {stream["stream"]: stream for stream in before["streams"]} if before is not None else {}
    names = [printable(stream["stream"]) for stream in told["streams"]]
    width = max(map(len, ["stream", *names]))
    yield f"{'stream':<{width}}" + _cells("state", "records/s", "delivered", "oldest", "throttled", "retried")
    for name, stream in zip(names, told["streams"], strict=True):
        rate = _shown(_rate(stream, was.get(stream["stream"]), secs, lambda each: each["delivered"]))
        oldest = duration(stream["oldest_secs"]) if stream["oldest_secs"] else "-"
        counts = (f"{stream[column]:,}" for column in ("throttled", "retried"))
        yield f"{name:<{width}}" + _cells(stream["state"], rate, f"{stream['delivered']:,}", oldest, *counts)


def _mappings(told: dict[str, Any], before: dict[str, Any] | None, secs: float) -> Iterator[str]:
    was = {(row["mapping"], row["stream"]): row for row in before["ledger"]} if before is not None else {}
    names = [
        printable(f"{row['mapping']} → {row['stream']}" if row["mapping"] else "(no mapping)") for row in told["ledger"]
    ]
    width = max(map(len, ["mapping", *names]))
    columns = ("received", "delivered", "filtered", "dead_lettered", "spooled")
    yield f"{'mapping':<{width}}" + _cells("received/s", *(column[:_COLUMNS] for column in columns))
    for name, row in zip(names, told["ledger"], strict=True):
        rate = _rate(row, was.get((row["mapping"], row["stream"])), secs, lambda each: each["received"])
        yield f"{name:<{width}}" + _cells(_shown(rate), *(f"{row[column]:,}" for column in columns))


def _rate(now: dict[str, Any], before: dict[str, Any] | None, secs: float, count: Any) -> float | None:
    """A second; a counter that went back belongs to a bridge started anew."""
    return max(0.0, (count(now) - count(before)) / secs) if before is not None and secs > 0 else None


def _spooled(told: dict[str, Any]) -> int:
    return sum(row["spooled"] for row in told["ledger"])


def _shown(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:,.1f}"


def _cells(*texts: str) -> str:
    return "".join(f"{text:>{_COLUMNS + 1}}" for text in texts)
