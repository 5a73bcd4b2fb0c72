"""Check of retained messages. Each new session gets all of them at once, and a broker may drop some."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.tools.doctor.broker.broker_limits import QUEUE_ADVICE
from bridge.tools.doctor.broker.probe_session import CONNECT_SECS, ProbeSession
from bridge.tools.doctor.finding import failed, warning, well

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.mqtt.session_settings import SessionSettings
    from bridge.tools.doctor.broker.traffic_sample import TrafficSample
    from bridge.tools.doctor.finding import Finding

MANY = 1_000
SUSPICIOUS = 500
"""Number of retained messages from which on a queue limit may have dropped some."""
COUNT_SECS = 10.0
_QUIET_SECS: Final = 0.5
_SHOWN: Final = 3
_CHECK: Final = "broker.retained"
_SUBJECT: Final = "retained messages"


@dataclass(frozen=True, slots=True)
class Retained:
    """Count of retained messages. `secs` is the time from the subscription to the last one.

    `complete` is False if they still arrived at the end of the measurement.
    """

    messages: int
    bytes: int
    secs: float = 0.0
    complete: bool = True

    @property
    def amount(self) -> str:
        """Number and size, as text."""
        more = "" if self.complete else "more than "
        return f"{more}{self.messages:,} ({self.bytes / 1000:,.1f} kB)"

    @property
    def per_sec(self) -> float:
        """Messages per second."""
        return self.messages / max(self.secs, 1e-3)


def count_retained(session: ProbeSession, began: float) -> Retained:
    """Count until no more arrive. The session must acknowledge messages of QoS 1 and 2 during this time."""
    complete = session.listen(COUNT_SECS, lambda: time.monotonic() - max(began, session.retained_at) > _QUIET_SECS)
    return Retained(session.retained, session.retained_bytes, max(0.0, session.retained_at - began), complete)


def count_at_full_speed(settings: SessionSettings, filters: Mapping[str, int]) -> Retained:
    """Count with QoS 0. A broker queues nothing for it, so no queue limit drops messages."""
    with ProbeSession(replace(settings, share=None), dict.fromkeys(filters, 0)) as session:
        session.open(CONNECT_SECS)
        return count_retained(session, time.monotonic())


def retained_findings(
    counted: Retained, at_full_speed: Retained | None, heard: TrafficSample, protocol: str
) -> Iterator[Finding]:
    """Yield findings. `counted` is with the mappings' QoS, `at_full_speed` with QoS 0, if there were many messages."""
    whole = at_full_speed if at_full_speed and at_full_speed.messages > counted.messages else counted
    yield _finding(whole, heard, protocol, counted.messages)
    missing = whole.messages - counted.messages
    if missing > max(10, whole.messages // 100) and counted.complete:
        said = (
            f"the broker dropped {missing:,} of {whole.messages:,} retained messages when this session subscribed with "
            f"QoS 1, as it would the bridge's: they do not fit its queue"
        )
        yield failed(_CHECK, _SUBJECT, said, QUEUE_ADVICE, {"dropped": missing})


def _finding(whole: Retained, heard: TrafficSample, protocol: str, counted: int) -> Finding:
    facts = {
        "messages": whole.messages,
        "bytes": whole.bytes,
        "messages_per_sec": round(whole.per_sec),
        "complete": whole.complete,
        "skipped": heard.skipped,
        "by_mapping": dict(heard.retained.most_common(100)),
    }
    if not whole.messages:
        return well(_CHECK, _SUBJECT, "none for these mappings", facts)
    when = "once, when the broker has no session of it" if protocol == "5" else "again with each connection"
    if heard.skipped >= counted:
        return well(_CHECK, _SUBJECT, f"{whole.amount}; `retained: skip` leaves them out", facts)
    if whole.messages < MANY:
        return well(_CHECK, _SUBJECT, f"{whole.amount}; the bridge takes them {when}", facts)
    names = ", ".join(f"{name} {many:,}" for name, many in heard.retained.most_common(_SHOWN))
    said = (
        f"{whole.amount}, at {whole.per_sec:,.0f} a second (by mapping: {names}); the bridge takes them {when}, "
        "and sends them on however old they are"
    )
    advice = "`retained: skip` in a mapping leaves them out; or let the publishers retain only what must be"
    return warning(_CHECK, _SUBJECT, said, advice, facts)
