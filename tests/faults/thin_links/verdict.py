"""Verdict on one link: compares the payload that arrived with the payload that the link can carry."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.faults.thin_links.capacity import REFERENCE_SECS
from tests.faults.thin_links.link_run import LinkRun

MIN_SHARE = 0.8
"""Minimum payload that must arrive, as a share of what the link can carry."""

MIN_CALIBRATED_SHARE = 0.95
"""Minimum share with the calibrated sender.

It reached 97 to 100 % on all kinds of links. If it reaches less, the machine was too busy for a verdict.
"""

MAX_DUPLICATES = 0.02
MAX_RECOVERY_SECS = 30.0
"""Maximum time from a change of the link, or from the end of late responses, to full speed."""

RECOVERY_WINDOW_SECS = 15.0
LIVE_WINDOW_SECS = 10.0
"""With `backlog: live_first`, records have precedence for this time after their receipt."""

LINGER_SECS = 0.1
HEAD = (
    "| link | protocol | packing | message | load | delivered, kB/s | of the link | duplicates | latency p50 / p99 "
    "| requests | failed | verdict |\n| --- | --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
)


@dataclass(frozen=True)
class PhaseResult:
    """Payload in bytes per second that arrived during a phase, and that the link can carry."""

    delivered: float
    carried: float

    @property
    def share(self) -> float:
        return self.delivered / self.carried


@dataclass(frozen=True)
class LinkResult:
    """Measurements of one link.

    latencies       sorted, in seconds; for a record that has not arrived, its age
    recovery_secs   longest time to full speed, after the start, a change of the link or the end of late responses;
                    None if full speed was not reached
    """

    run: LinkRun
    phases: tuple[PhaseResult, ...] = ()
    messages: int = 0
    duplicates: int = 0
    latencies: tuple[float, ...] = ()
    requests: int = 0
    failed: int = 0
    published: int = 0
    lost: int = 0
    recovery_secs: float | None = None
    cpu_secs: float = 0.0
    problems: tuple[str, ...] = ()

    @property
    def duplicate_share(self) -> float:
        return self.duplicates / self.messages if self.messages else 0.0

    @property
    def faults(self) -> list[str]:
        """Verdict as texts that name each violated limit. It is empty if the link has passed."""
        return [*self.problems, *self._throughput_faults(), *self._other_faults()]

    def _throughput_faults(self):
        lowest = MIN_SHARE if self.run.sender == "bridge" else MIN_CALIBRATED_SHARE
        if not self.phases:
            yield "nothing was measured"
        for number, phase in enumerate(self.phases, 1):
            if phase.share < lowest:
                yield f"phase {number}: {phase.share:.0%} of what the link can carry; at least {lowest:.0%}"

    def _other_faults(self):
        if self.duplicate_share > MAX_DUPLICATES:
            yield f"{self.duplicate_share:.1%} duplicates; at most {MAX_DUPLICATES:.0%}"
        if self.phases and (self.recovery_secs is None or self.recovery_secs > MAX_RECOVERY_SECS):
            reached = "never" if self.recovery_secs is None else f"after {self.recovery_secs:.0f} s"
            yield f"full speed {reached}; at most {MAX_RECOVERY_SECS:.0f} s after a change"
        bound = latency_bound(self.run)
        if self.latencies and (p99 := percentile(self.latencies, 0.99)) > bound:
            yield f"latency p99 {p99:.1f} s; at most {bound:.1f} s"
        if self.lost:
            yield f"{self.lost} of {self.published} records lost"

    def row(self) -> str:
        """Return the row of the table."""
        run = self.run
        delivered = " / ".join(f"{phase.delivered / 1000:,.1f}" for phase in self.phases)
        shares = " / ".join(f"{phase.share:.0%}" for phase in self.phases)
        cells = (
            *(run.link_name, "TLS" if run.tls else "plain", run.packing, f"{run.message_bytes:,} B", run.load_name),
            *(delivered, shares, f"{self.duplicate_share:.1%}", self._latency_cell()),
            *(f"{self.requests:,}", f"{self.failed:,}", "; ".join(self.faults) or "OK"),
        )
        return f"| {' | '.join(cells)} |"

    def _latency_cell(self):
        if not self.latencies:
            return ""
        return f"{percentile(self.latencies, 0.5):.1f} / {percentile(self.latencies, 0.99):.1f} s"


def latency_bound(run: LinkRun) -> float:
    """Return the time within which 99 % of the live records must arrive, in seconds.

    1. live_first: a record has precedence for ten seconds and the linger time. In the worst case, its request begins at
       the end of this time, behind another request: this adds the time of two reference requests.
    2. oldest_first: the bridge first delivers the backlog, at the lowest throughput that passes.
    """
    if run.policy == "live_first":
        return LIVE_WINDOW_SECS + LINGER_SECS + 2 * REFERENCE_SECS + 2 * run.delay_secs
    ahead = run.backlog * run.message_bytes * run.streams
    return ahead / (MIN_SHARE * min(map(run.carried, run.phases))) + 2 * REFERENCE_SECS


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value that this share of the sorted values does not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def recovery_time(
    bytes_between: Callable[[float, float], float], since: float, until: float, per_sec: float
) -> float | None:
    """Return the seconds from `since` until a window of 15 s carries `MIN_SHARE` of `per_sec`; None if none does.

    `bytes_between(began, ended)` returns the payload that arrived between two times.
    """
    began = since
    while began + RECOVERY_WINDOW_SECS <= until:
        if bytes_between(began, began + RECOVERY_WINDOW_SECS) >= MIN_SHARE * per_sec * RECOVERY_WINDOW_SECS:
            return began - since
        began += 1.0
    return None
