"""Measurement of the broker's in-flight window: how many messages it sends before it waits for an acknowledgement.

At first, the probe acknowledges nothing. When the window is full, the broker stops sending. After an acknowledgement,
it immediately sends the next message. So when no more messages arrive, the probe acknowledges one message, then two,
then three, after pauses of different lengths. If the same number of new messages follows immediately each time, the
window is full. Its size is the number of unacknowledged messages. If the plant publishes nothing, or only at intervals,
new messages do not follow immediately, and the window size stays unknown.

A correct broker sends one new message for each acknowledgement. mosquitto 2.0.11 sends more: if the oldest message is
acknowledged, it sends as many messages as the window has (mosquitto issue 2301). So the number of unacknowledged
messages grows with each acknowledgement, and the window soon limits nothing.
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
"""A window with this number of messages or more limits nothing in practice."""
# If the window is smaller, the finding is a warning. With a round trip of 1 ms and an fsync of 5 ms, a window of 100
# messages allows 16,000 messages a second. mosquitto's default window of 20 messages allows 3,300 messages a second.
NARROW: Final = 100
PATIENCE_SECS = 4.0
_QUIET_SECS: Final = 0.3
_AT_ONCE_SECS: Final = 0.3
_SETTLE_SECS: Final = 0.1
# Steps of the measurement: the number of messages to acknowledge, and the length of a pause before the acknowledgement.
# No message may arrive during the pause. The pauses differ, because a plant that publishes at intervals must not look
# like a full window: the first step needs an interval of at most 0.9 s (two `_QUIET_SECS` and `_AT_ONCE_SECS`), and the
# second step needs a longer interval.
_TRIALS: Final = ((1, 0.0), (2, 0.9), (3, 0.0))
_CHECK: Final = "broker.window"
_SUBJECT: Final = "in-flight window"


@dataclass(frozen=True, slots=True)
class InflightWindow:
    """Measured in-flight window.

    `size` is None if no limit was found. `peak` is the highest number of unacknowledged messages. `turnaround_secs` is
    the time from an acknowledgement to the next message. `released` is the number of messages that the broker sent
    after one acknowledgement.
    """

    size: int | None
    peak: int
    turnaround_secs: float = 0.0
    released: int = 1

    def per_sec(self, sync_secs: float) -> float:
        """Return the maximum number of messages per second that the window allows.

        The bridge acknowledges a burst only after an fsync, which lasts `sync_secs` seconds.
        """
        return (self.size or 0) / max(1e-6, self.turnaround_secs + sync_secs)


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """Protocol of the session, the Receive Maximum that it requests, and whether the broker supports MQTT 5."""

    protocol: str
    receive_maximum: int
    supports_mqtt5: bool


def measure_window(session: ProbeSession, patience_secs: float | None = None) -> InflightWindow:
    """Measure the window of a session that has just subscribed.

    Afterwards some messages may be unacknowledged. The caller must acknowledge them.
    """
    deadline = time.monotonic() + (PATIENCE_SECS if patience_secs is None else patience_secs)
    peak = 0
    while time.monotonic() < deadline and peak < ENOUGH:
        before = session.needing
        session.listen(_QUIET_SECS, lambda: len(session.unacknowledged) >= ENOUGH)
        size = len(session.unacknowledged)
        peak = max(peak, size)
        # No message arrived during this time, and some messages are unacknowledged. So the window may be full.
        if size and session.needing == before and (tried := _full(session)):
            return InflightWindow(size, peak, *tried)
    return InflightWindow(None, peak)


def _full(session: ProbeSession) -> tuple[float, int] | None:
    """Return the turnaround time and the number of released messages if the window is full, otherwise None."""
    turnarounds, released = [], 1
    for number, silence_secs in _TRIALS:
        before = session.needing
        session.listen(silence_secs)
        # A message arrived without an acknowledgement, so the window is not full.
        if session.needing != before:
            return None
        many = min(number, len(session.unacknowledged))
        turnaround = turnaround_of(session, many)
        if turnaround is None:
            return None
        turnarounds.append(turnaround)
        # Only the first step acknowledges a single message. It shows how many messages follow one acknowledgement.
        released = released if number > 1 else session.needing - before
    # Use the shortest time: the longer times contain delays of this machine or of the network.
    return min(turnarounds), released


def turnaround_of(session: ProbeSession, many: int) -> float | None:
    """Acknowledge `many` messages, and wait for the same number of new messages.

    Return the seconds until the first new message, or None if fewer than `many` messages arrive within _AT_ONCE_SECS.
    """
    before, began = session.needing, time.monotonic()
    arrivals: list[float] = []

    def enough() -> bool:
        if not arrivals and session.needing > before:
            arrivals.append(time.monotonic())
        return session.needing >= before + many

    session.acknowledge(many)
    at_once = session.listen(_AT_ONCE_SECS, enough)
    # A broker such as mosquitto 2.0.11 sends more than one message for each acknowledgement. Wait for all of them here,
    # because otherwise the next step would count the late messages.
    session.listen(_SETTLE_SECS)
    return arrivals[0] - began if at_once else None


def window_finding(window: InflightWindow, terms: SessionTerms, sync_secs: float) -> Finding:
    """Return the finding, with the message rate that the window allows. `sync_secs` is the duration of an fsync."""
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
            f"{many} at a time, and {window.released} more after each acknowledgement (a fault of this broker); "
            f"without this fault, a window of {window.size} would allow {at_most}"
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
    return f'set mqtt.protocol: "5", so that the bridge can request more (this broker supports it); or {broker}'
