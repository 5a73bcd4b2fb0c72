"""Measurement of the broker's in-flight window: the number of messages that it sends ahead of their acknowledgement.

The probe first acknowledges nothing. A broker whose window is full stops sending, and sends more at once for each
acknowledgement. So when no more messages arrive, the probe acknowledges one, then two, then three, after pauses of
different lengths. If as many messages follow at once each time, the window is the number of unacknowledged messages.
Any other silence (a plant at rest, or one that publishes at intervals) does not show this pattern.

Brokers differ in the response to an acknowledgement. A correct one sends one message. mosquitto 2.0.11 sends a full
window for each acknowledgement of the oldest message (its issue 2301). So its window grows, and soon limits nothing.
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
"""Number of unacknowledged messages from which on the window limits nothing."""
NARROW: Final = 100
PATIENCE_SECS = 4.0
_QUIET_SECS: Final = 0.3
_AT_ONCE_SECS: Final = 0.3
_SETTLE_SECS: Final = 0.1
_TRIALS: Final = ((1, 0.0), (2, 0.9), (3, 0.0))
"""Steps of the measurement: the number to acknowledge, and the seconds of further silence before it.

A plant that publishes at intervals cannot imitate this. It would have to pause for at most 0.9 s (two `_QUIET_SECS` and
`_AT_ONCE_SECS`) before the first step, and for longer before the second.
"""
_CHECK: Final = "broker.window"
_SUBJECT: Final = "in-flight window"


@dataclass(frozen=True, slots=True)
class InflightWindow:
    """Measured window. `size` is None where no limit showed; `most` is the peak of unacknowledged messages.

    `turnaround_secs` is the time from an acknowledgement to the next message; `released` the number of messages that
    followed one acknowledgement.
    """

    size: int | None
    most: int
    turnaround_secs: float = 0.0
    released: int = 1

    def per_sec(self, sync_secs: float) -> float:
        """Return the max messages a second if the acknowledgement of each burst waits `sync_secs` for the disk."""
        return (self.size or 0) / max(1e-6, self.turnaround_secs + sync_secs)


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """Terms of the session: its protocol, the Receive Maximum it requests, and whether the broker supports MQTT 5."""

    protocol: str
    receive_maximum: int
    takes_5: bool


def measure_window(listening: ProbeSession, patience_secs: float | None = None) -> InflightWindow:
    """Measure the window of a session that has just subscribed. The caller acknowledges the remaining messages."""
    deadline = time.monotonic() + (PATIENCE_SECS if patience_secs is None else patience_secs)
    most = 0
    while time.monotonic() < deadline and most < ENOUGH:
        before = listening.needing
        listening.listen(_QUIET_SECS, lambda: len(listening.unacknowledged) >= ENOUGH)
        size = len(listening.unacknowledged)
        most = max(most, size)
        # The broker is silent with unacknowledged messages: the window may be full.
        if size and listening.needing == before and (tried := _full(listening)):
            return InflightWindow(size, most, *tried)
    return InflightWindow(None, most)


def _full(listening: ProbeSession) -> tuple[float, int] | None:
    """Return turnaround and number of released messages if the window is full; None if it is not full."""
    took, released = [], 1
    for number, silence_secs in _TRIALS:
        before = listening.needing
        listening.listen(silence_secs)
        # A message without an acknowledgement: the silence had another cause than a full window.
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
    """Acknowledge `many` messages; return the seconds until the first of as many new ones, None if they are late."""
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
    """Return the finding, with the rate that the window allows. `sync_secs`: duration of an fsync of the spool."""
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
