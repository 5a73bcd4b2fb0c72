"""How many messages the broker hands over ahead of their acknowledgement: measured, by acknowledging none for a moment.

A broker whose window is full falls silent, and gives more at once for each acknowledgement. So when messages stop
coming, one is acknowledged, then two, then three, with pauses of different lengths before: where each time silence is
followed by as many messages at once, the window is what lay unacknowledged. Whatever else is silent (a plant at rest,
or one that publishes in a rhythm) does not do so.

Brokers differ in what follows an acknowledgement. One message does, as it should; mosquitto 2.0.11 sends as many as its
window has for each acknowledgement of the oldest (its issue 2301), so that its window grows and soon bounds nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.tools.doctor.finding import warning, well

if TYPE_CHECKING:
    from bridge.tools.doctor.broker.probe_session import ProbeSession
    from bridge.tools.doctor.finding import Finding

ENOUGH: Final = 1_000
"""Messages ahead of their acknowledgement, at which the window bounds nothing."""
NARROW: Final = 100
PATIENCE_SECS = 4.0
_QUIET_SECS: Final = 0.3
_AT_ONCE_SECS: Final = 0.3
_SETTLE_SECS: Final = 0.1
_TRIALS: Final = ((1, 0.0), (2, 0.9), (3, 0.0))
"""How many are acknowledged, and after how much more silence. Messages that come by themselves, in whatever rhythm,
would have to pause for no more than 0.9 s (twice the quiet, and "at once") before the first, and for longer before the
second."""
_CHECK: Final = "broker.window"
_SUBJECT: Final = "in-flight window"


@dataclass(frozen=True, slots=True)
class InflightWindow:
    """`size` is None where no bound showed; `most` lay unacknowledged at the same time.

    `turnaround_secs`: from an acknowledgement to the next message; `released`: how many one let through.
    """

    size: int | None
    most: int
    turnaround_secs: float = 0.0
    released: int = 1

    def per_sec(self, sync_secs: float) -> float:
        """The most messages a second, where each burst's acknowledgement waits for the disk."""
        return (self.size or 0) / max(1e-6, self.turnaround_secs + sync_secs)


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """Of the session: its protocol, what it asks for as Receive Maximum, and whether the broker would speak MQTT 5."""

    protocol: str
    receive_maximum: int
    takes_5: bool


def measure_window(listening: ProbeSession, patience_secs: float | None = None) -> InflightWindow:
    """Of a session that has just subscribed. What is unacknowledged at the end is the caller's to acknowledge."""
    deadline = time.monotonic() + (PATIENCE_SECS if patience_secs is None else patience_secs)
    most = 0
    while time.monotonic() < deadline and most < ENOUGH:
        before = listening.needing
        listening.listen(_QUIET_SECS, lambda: len(listening.unacknowledged) >= ENOUGH)
        size = len(listening.unacknowledged)
        most = max(most, size)
        if size and listening.needing == before and (tried := _full(listening)):
            return InflightWindow(size, most, *tried)
    return InflightWindow(None, most)


def _full(listening: ProbeSession) -> tuple[float, int] | None:
    """Of a window that is full: the time from an acknowledgement to the next message, and how many came for one."""
    took, released = [], 1
    for number, silence_secs in _TRIALS:
        before = listening.needing
        listening.listen(silence_secs)
        if listening.needing != before:
            return None
        many = min(number, len(listening.unacknowledged))
        turnaround = turnaround_of(listening, many)
        if turnaround is None:
            return None
        took.append(turnaround)
        released = released if number > 1 else listening.needing - before
    return min(took), released


def turnaround_of(listening: ProbeSession, many: int) -> float | None:
    """Acknowledge so many, and give the time until the first of as many more came; None if they do not come at once."""
    before, began = listening.needing, time.monotonic()
    came: list[float] = []

    def enough() -> bool:
        if not came and listening.needing > before:
            came.append(time.monotonic())
        return listening.needing >= before + many

    listening.acknowledge(many)
    at_once = listening.listen(_AT_ONCE_SECS, enough)
    listening.listen(_SETTLE_SECS)
    return came[0] - began if at_once else None


def window_finding(window: InflightWindow, terms: SessionTerms, sync_secs: float) -> Finding:
    """With the rate that it allows; `sync_secs`: how long the spool's disk takes."""
    facts: dict[str, Any] = {"size": window.size, "unacknowledged": window.most, "protocol": terms.protocol}
    if window.size is None:
        return _unbounded(window, terms)
    rate = window.per_sec(sync_secs)
    facts |= {
        "released": window.released,
        "turnaround_ms": round(window.turnaround_secs * 1000, 2),
        "messages_per_sec": round(rate),
    }
    many = f"{window.size} message{'' if window.size == 1 else 's'}"
    at_most = f"{rate:,.0f} messages a second with this disk"
    if window.released > 1:
        said = (
            f"{many} at a time, and {window.released} more with each acknowledgement, as this version of the broker "
            f"does; one that keeps to {window.size} would allow {at_most}"
        )
    else:
        said = f"{many} at a time, the next {facts['turnaround_ms']} ms after an acknowledgement: at most {at_most}"
    if window.size >= NARROW:
        return well(_CHECK, _SUBJECT, said, facts)
    return warning(_CHECK, _SUBJECT, said, _advice(terms, window.size), facts)


def _unbounded(window: InflightWindow, terms: SessionTerms) -> Finding:
    facts = {"size": None, "unacknowledged": window.most, "protocol": terms.protocol}
    if window.most >= ENOUGH:
        return well(_CHECK, _SUBJECT, f"at least {ENOUGH:,} messages at a time: it bounds nothing", facts)
    came = (
        f"no bound showed, with the {window.most:,} messages that came"
        if window.most
        else "not seen, as no messages came"
    )
    if terms.protocol == "5":
        said = f"{came}; the bridge asks for {terms.receive_maximum:,}, as MQTT 5 can; `doctor --publish` measures it"
        return well(_CHECK, _SUBJECT, said, facts)
    advice = f"{_advice(terms, None)}; `doctor --publish` measures it"
    said = f"{came}; mosquitto hands a 3.1.1 client 20 at a time unless it is told otherwise"
    return warning(_CHECK, _SUBJECT, said, advice, facts)


def _advice(terms: SessionTerms, size: int | None) -> str:
    if terms.protocol == "5":
        asked = terms.receive_maximum
        if size == asked:
            return "raise mqtt.receive_maximum, which asks for no more"
        return f"raise the broker's own limit for a client (in flight, unacknowledged): the bridge asks for {asked:,}"
    broker = "set `max_inflight_messages 0` in mosquitto.conf (other brokers: the in-flight limit of a client)"
    if not terms.takes_5:
        return broker
    return f'set mqtt.protocol: "5", which this broker takes and by which the bridge asks for more; or {broker}'
