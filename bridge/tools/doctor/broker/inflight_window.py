"""Measurement of the broker's in-flight window: the number of messages that it sends without an acknowledgement.

The probe first acknowledges nothing. A broker whose window is full stops sending, and sends more at once for each
acknowledgement. So when no more messages arrive, the probe acknowledges one, then two, then three, after pauses of
different lengths. If the same number of messages follows at once each time, the window is the number of unacknowledged
messages. A plant at rest, or one that publishes at intervals, does not show this pattern.

Brokers react differently to an acknowledgement. A correct broker sends one message. mosquitto 2.0.11 sends a full
window for each acknowledgement of the oldest message (its issue 2301). So its window grows, and soon limits nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.durations import pluralize
from bridge.tools.doctor.finding import info, ok, warning

if TYPE_CHECKING:
    from bridge.tools.doctor.broker.probe_session import ProbeSession
    from bridge.tools.doctor.finding import Finding

ENOUGH: Final = 1_000
"""Number of unacknowledged messages from which the window limits nothing."""
# With 1 ms per round trip, 100 messages at a time are still more than most plants publish; mosquitto's default of 20 is
# not.
NARROW: Final = 100
PATIENCE_SECS = 4.0
_QUIET_SECS: Final = 0.3
_AT_ONCE_SECS: Final = 0.3
_SETTLE_SECS: Final = 0.1
# Steps of the measurement: the number to acknowledge, and the seconds of further silence before it.
# A plant that publishes at intervals cannot imitate this. It would have to pause for at most 0.9 s (two `_QUIET_SECS`
# and `_AT_ONCE_SECS`) before the first step, and for longer before the second.
_TRIALS: Final = ((1, 0.0), (2, 0.9), (3, 0.0))
_CHECK: Final = "broker.window"
_SUBJECT: Final = "in-flight window"


@dataclass(frozen=True, slots=True)
class InflightWindow:
    """Measured window. `size` is None if no limit was found; `peak` is the highest number of unacknowledged messages.

    `turnaround_secs` is the time from an acknowledgement to the next message; `released` the number of messages that
    followed one acknowledgement.
    """

    size: int | None
    peak: int
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
    supports_mqtt5: bool


def measure_window(session: ProbeSession, patience_secs: float | None = None) -> InflightWindow:
    """Measure the window of a session that has just subscribed. The caller acknowledges the remaining messages."""
    deadline = time.monotonic() + (PATIENCE_SECS if patience_secs is None else patience_secs)
    peak = 0
    while time.monotonic() < deadline and peak < ENOUGH:
        before = session.needing
        session.listen(_QUIET_SECS, lambda: len(session.unacknowledged) >= ENOUGH)
        size = len(session.unacknowledged)
        peak = max(peak, size)
        # The broker is silent with unacknowledged messages: the window may be full.
        if size and session.needing == before and (tried := _full(session)):
            return InflightWindow(size, peak, *tried)
    return InflightWindow(None, peak)


def _full(session: ProbeSession) -> tuple[float, int] | None:
    """Return turnaround and number of released messages if the window is full; None if it is not full."""
    turnarounds, released = [], 1
    for number, silence_secs in _TRIALS:
        before = session.needing
        session.listen(silence_secs)
        # A message arrived without an acknowledgement, so the silence had another cause than a full window.
        if session.needing != before:
            return None
        many = min(number, len(session.unacknowledged))
        turnaround = turnaround_of(session, many)
        if turnaround is None:
            return None
        turnarounds.append(turnaround)
        # Only the first trial acknowledges a single message, so only it shows what one acknowledgement releases.
        released = released if number > 1 else session.needing - before
    # The shortest time counts, because the longer ones contain a pause of this machine or of the network.
    return min(turnarounds), released


def turnaround_of(session: ProbeSession, many: int) -> float | None:
    """Acknowledge `many` messages; return the seconds until the first of as many new ones, None if they are late."""
    before, began = session.needing, time.monotonic()
    arrivals: list[float] = []

    def enough() -> bool:
        if not arrivals and session.needing > before:
            arrivals.append(time.monotonic())
        return session.needing >= before + many

    session.acknowledge(many)
    at_once = session.listen(_AT_ONCE_SECS, enough)
    # Messages beyond the expected ones show a broker that releases a full window, so they must arrive before the next
    # step.
    session.listen(_SETTLE_SECS)
    return arrivals[0] - began if at_once else None


def window_finding(window: InflightWindow, terms: SessionTerms, sync_secs: float) -> Finding:
    """Return the finding, with the rate that the window allows. `sync_secs`: duration of an fsync of the spool."""
    facts: dict[str, Any] = {"size": window.size, "unacknowledged": window.peak, "protocol": terms.protocol}
    if window.size is None:
        return _unbounded(window, terms)
    rate = window.per_sec(sync_secs)
    facts |= {
        "released": window.released,
        "turnaround_ms": round(window.turnaround_secs * 1000, 2),
        "messages_per_sec": round(rate),
    }
    many = f"{window.size} message{'' if window.size == 1 else 's'}"
    at_most = f"{rate:,.0f} messages/s with this disk"
    if window.released > 1:
        message = (
            f"{many} at a time, and {window.released} more after each acknowledgement, as in this version of "
            "the broker; "
            f"a window of {window.size} would allow {at_most}"
        )
    else:
        message = f"{many} at a time, the next {facts['turnaround_ms']} ms after an acknowledgement: at most {at_most}"
    if window.size >= NARROW:
        return ok(_CHECK, _SUBJECT, message, facts)
    return warning(_CHECK, _SUBJECT, message, _advice(terms, window.size), facts)


def _unbounded(window: InflightWindow, terms: SessionTerms) -> Finding:
    facts = {"size": None, "unacknowledged": window.peak, "protocol": terms.protocol}
    if window.peak >= ENOUGH:
        return ok(_CHECK, _SUBJECT, f"at least {ENOUGH:,} messages at a time: no limit in practice", facts)
    arrivals = f"no limit seen with {pluralize(window.peak, 'message')}" if window.peak else "not measured (no traffic)"
    if terms.protocol == "5":
        message = f"{arrivals}; the bridge requests {terms.receive_maximum:,} (MQTT 5). `doctor --publish` measures it"
        return info(_CHECK, _SUBJECT, message, facts=facts)
    advice = f"{_advice(terms, None)}; `doctor --publish` measures it"
    message = f"{arrivals}; mosquitto sends 20 at a time to an MQTT 3.1.1 client by default"
    return warning(_CHECK, _SUBJECT, message, advice, facts)


def _advice(terms: SessionTerms, size: int | None) -> str:
    if terms.protocol == "5":
        requested = terms.receive_maximum
        if size == requested:
            return "raise mqtt.receive_maximum"
        return f"raise the broker's in-flight limit of a client: the bridge requests {requested:,}"
    broker = "set `max_inflight_messages 0` in mosquitto.conf (other brokers: the in-flight limit of a client)"
    if not terms.supports_mqtt5:
        return broker
    return f'set mqtt.protocol: "5", which this broker supports and with which the bridge requests more; or {broker}'
