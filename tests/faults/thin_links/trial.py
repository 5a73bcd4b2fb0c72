"""The trial of one link: its phases are played, what arrives is measured, and the bridge is stopped."""

import time
from dataclasses import replace
from typing import NamedTuple

from tests.faults.thin_links.link_run import Phase
from tests.faults.thin_links.link_setup import LinkSetup
from tests.faults.thin_links.verdict import LinkResult, PhaseResult, latency_bound, recovery_time
from tests.harness.bridge_process import BridgeProcess
from tests.harness.ledger import read_ledger
from tests.integration.arrivals import stop_and_balance

FILL_SECS = 240.0
LOOK_SECS = 1.0
TAIL_SECS = 10.0
MAX_DRAIN_SECS = 45.0
"""A backlog that the link can carry in this time is drained at the end; of a larger one, the ledger is checked."""

DRAIN_MARGIN_SECS = 30.0
PATIENCE_SECS = 120.0


class Span(NamedTuple):
    """The time of a phase: when it began with a change, and when it was measured."""

    phase: Phase
    changed: float
    began: float
    ended: float


class Trial:
    """One link whose parts are running. `measure` lasts as long as all its phases."""

    def __init__(self, setup: LinkSetup) -> None:
        self.run, self.bridge, self.load = setup.run, setup.bridge, setup.load
        self.link, self.kinesis, self.logs = setup.link, setup.kinesis, setup.logs
        self._spans: list[Span] = []

    def measure(self) -> LinkResult:
        """Play the phases, then let the bridge drain what can be drained, and stop it."""
        if self.load:
            assert self.load.filled.wait(FILL_SECS), "the backlog could not be published"
        for phase in self.run.phases:
            self._play(phase)
        # What is being sent at the end counts in proportion as soon as it has arrived.
        self._hold(min(TAIL_SECS, self.run.phases[-1].measure_secs))
        result = LinkResult(
            self.run,
            tuple(self._result(span) for span in self._spans),
            latencies=self._latencies(),
            recovery_secs=self._recovery(),
            cpu_secs=self.bridge.cpu_secs if self.bridge else 0.0,
        )
        return self._finished(result) if self.bridge else self._counted(result)

    def _finished(self, result):
        """Return the result with what is known once the load has ended and the bridge has stopped."""
        published = self.load.stop() * self.run.streams
        problems = self._await_received(published) or self._drain(published)
        # Before the bridge is stopped, as that may cut a request short.
        result = self._counted(result)
        stop_problems, spooled = stopped(self.bridge)
        # A record that arrived and is not settled is counted twice here: the number of lost ones can only be too low.
        lost = 0 if stop_problems else max(0, published - self._distinct - spooled)
        return replace(result, published=published, lost=lost, problems=problems + stop_problems)

    def _counted(self, result):
        """Return the result with what the stand-in has counted."""
        return replace(
            result,
            messages=sum(log.messages for log in self.logs),
            duplicates=sum(log.duplicates for log in self.logs),
            requests=sum(stream.requests for stream in self.kinesis.streams.values()),
            failed=self.kinesis.cut_short + self.kinesis.unread,
        )

    def _play(self, phase):
        if phase.rate_factor != self.link.rate / self.run.rate:
            self.link.rate = self.run.rate * phase.rate_factor
        self.kinesis.latency_secs = phase.response_secs
        changed = time.monotonic()
        self._hold(phase.settle_secs)
        began = time.monotonic()
        self._hold(phase.measure_secs)
        self._spans.append(Span(phase, changed, began, time.monotonic()))

    def _hold(self, secs):
        end = time.monotonic() + secs
        while (remaining := end - time.monotonic()) > 0:
            if self.load:
                self.load.check()
            time.sleep(min(LOOK_SECS, remaining))

    def _bytes_between(self, began, ended):
        return sum(log.bytes_between(began, ended) for log in self.logs)

    def _result(self, span):
        delivered = self._bytes_between(span.began, span.ended) / (span.ended - span.began)
        return PhaseResult(delivered, self.run.carried(span.phase))

    def _recovery(self):
        """Return the longest time from a change to full speed; None where one phase did not reach it.

        The begin of late responses is no recovery: how late they are is known only after the first of them.
        """
        befores = (self._spans[0], *self._spans)
        times = [
            recovery_time(self._bytes_between, span.changed, span.ended, self.run.carried(span.phase))
            for before, span in zip(befores, self._spans, strict=False)
            if span.phase.response_secs <= before.phase.response_secs
        ]
        return None if None in times else max(times)

    def _latencies(self):
        """Return the latencies of the live records that were published early enough to be judged, sorted."""
        if not self.run.live_rate:
            return ()
        now = time.monotonic()
        began, latest = self._spans[0].began, now - latency_bound(self.run)
        found = []
        for number in range(self.load.first_live, len(self.load.published)):
            published = self.load.published[number]
            if began <= published <= latest:
                found += [(log.arrived_at(number) or now) - published for log in self.logs]
        return tuple(sorted(found))

    def _await_received(self, published):
        """Wait until the bridge has received all that was published. Return the problem that it has not.

        Records that the broker still has would be counted as lost.
        """
        deadline = time.monotonic() + PATIENCE_SECS
        while (received := read_ledger(self.bridge.folder / "data").total("received")) < published:
            if time.monotonic() > deadline:
                return (f"{published - received} records not received from the broker after {PATIENCE_SECS:.0f} s",)
            time.sleep(LOOK_SECS / 4)
        return ()

    def _drain(self, published):
        """Wait until the rest has arrived, where the link can carry it soon. Return the problem that it has not."""
        remaining_bytes = (published - self._distinct) * self.run.message_bytes
        remaining_secs = remaining_bytes / self.run.carried(self.run.phases[-1])
        if remaining_secs > MAX_DRAIN_SECS:
            return ()
        deadline = time.monotonic() + 2 * remaining_secs + DRAIN_MARGIN_SECS
        while self._distinct < published:
            if time.monotonic() > deadline:
                remaining = published - self._distinct
                return (f"{remaining} records not drained in twice the time that the link needs",)
            time.sleep(LOOK_SECS / 4)
        return ()

    @property
    def _distinct(self):
        return sum(log.distinct for log in self.logs)


def stopped(bridge: BridgeProcess) -> tuple[tuple[str, ...], int]:
    """Stop a bridge. Return (problems, records that its ledger has as spooled)."""
    try:
        assert bridge.running, "the bridge has ended"
        return (), stop_and_balance(bridge).total("spooled")
    except AssertionError as error:
        code = "still running" if bridge.exit_code is None else f"exit code {bridge.exit_code}"
        return (f"stop: {code}: {str(error).splitlines()[0][:120]}",), 0
