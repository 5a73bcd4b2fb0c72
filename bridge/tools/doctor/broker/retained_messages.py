"""Check of retained messages. The broker sends all of them to each new session at once, and may drop some of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.tools.doctor.broker.limit_findings import QUEUE_ADVICE
from bridge.tools.doctor.broker.probe_session import CONNECT_SECS, ProbeSession
from bridge.tools.doctor.finding import failed, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.mqtt.settings import MqttSettings
    from bridge.tools.doctor.broker.traffic_sample import TrafficSample
    from bridge.tools.doctor.finding import Finding

MANY = 1_000
"""With this number of retained messages or more, the finding is a warning."""
SUSPICIOUS = 500
"""If a session receives this many retained messages or more, the broker's queue limit may have dropped others."""
COUNT_SECS = 10.0
_QUIET_SECS: Final = 0.5
_SHOWN: Final = 3
_CHECK: Final = "broker.retained"
_SUBJECT: Final = "retained messages"


@dataclass(frozen=True, slots=True)
class RetainedMessages:
    """Number and size of retained messages. `secs` is the time from the subscription to the last retained message.

    `complete` is False if retained messages still arrived at the end of the measurement.
    """

    messages: int
    bytes: int
    secs: float = 0.0
    complete: bool = True

    @property
    def amount(self) -> str:
        """Number and size of the messages, as text."""
        more = "" if self.complete else "more than "
        return f"{more}{self.messages:,} ({self.bytes / 1000:,.1f} kB)"

    @property
    def per_sec(self) -> float:
        """Messages per second."""
        return self.messages / max(self.secs, 1e-3)


def count_retained(session: ProbeSession, began: float) -> RetainedMessages:
    """Count retained messages until no more of them arrive.

    The session must acknowledge messages during this time. Otherwise the broker stops sending when its window is full.
    """
    complete = session.listen(COUNT_SECS, lambda: time.monotonic() - max(began, session.retained_at) > _QUIET_SECS)
    return RetainedMessages(session.retained, session.retained_bytes, max(0.0, session.retained_at - began), complete)


def count_at_full_speed(settings: MqttSettings, joined: Mapping[str, Mapping[str, int]]) -> RetainedMessages:
    """Count the retained messages of a session with QoS 0.

    Brokers do not queue messages of QoS 0, so no queue limit applies. For `joined`, see `ProbeSession`.
    """
    parts = {text: dict.fromkeys(each, 0) for text, each in joined.items()}
    own = settings.model_copy(update={"share": None})
    with ProbeSession(own, dict.fromkeys(joined, 0), joined=parts) as session:
        session.open(CONNECT_SECS)
        return count_retained(session, time.monotonic())


def retained_findings(
    counted: RetainedMessages, at_full_speed: RetainedMessages | None, sample: TrafficSample, protocol: str
) -> Iterator[Finding]:
    """Yield findings on the retained messages.

    `counted` is the count with the mappings' QoS. `at_full_speed` is the count with QoS 0, or None if that count was
    not necessary.
    """
    all_retained = at_full_speed if at_full_speed and at_full_speed.messages > counted.messages else counted
    yield _finding(all_retained, sample, protocol, counted.messages)
    # Machines may publish new retained messages between the two counts. So a small difference is no proof of a loss.
    missing = all_retained.messages - counted.messages
    if missing > max(10, all_retained.messages // 100) and counted.complete:
        message = (
            f"the broker dropped {missing:,} of {all_retained.messages:,} retained messages after a subscription with "
            f"QoS 1, because they exceed its queue limit; it would also drop messages to the bridge"
        )
        yield failed(_CHECK, _SUBJECT, message, QUEUE_ADVICE, {"dropped": missing})


def _finding(all_retained: RetainedMessages, sample: TrafficSample, protocol: str, counted: int) -> Finding:
    facts = {
        "messages": all_retained.messages,
        "bytes": all_retained.bytes,
        "messages_per_sec": round(all_retained.per_sec),
        "complete": all_retained.complete,
        "skipped": sample.skipped,
        "by_mapping": dict(sample.retained.most_common(100)),
    }
    if not all_retained.messages:
        return ok(_CHECK, _SUBJECT, "none on the topics of the mappings", facts)
    when = "once, in a new session" if protocol == "5" else "after each connection"
    if sample.skipped >= counted:
        return ok(_CHECK, _SUBJECT, f"{all_retained.amount}; `retained: skip` ignores them", facts)
    if all_retained.messages < MANY:
        return ok(_CHECK, _SUBJECT, f"{all_retained.amount}; the bridge receives them {when}", facts)
    names = ", ".join(f"{name} {many:,}" for name, many in sample.retained.most_common(_SHOWN))
    message = (
        f"{all_retained.amount}, {all_retained.per_sec:,.0f}/s (by mapping: {names}); the bridge receives them {when}, "
        "and forwards them, however old they are"
    )
    advice = "set `retained: skip` in the mapping; or let the publishers retain fewer messages"
    return warning(_CHECK, _SUBJECT, message, advice, facts)
