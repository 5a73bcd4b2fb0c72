"""Test of one link: run its phases, measure what arrives, and stop the bridge."""

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
"""Maximum time for delivering the backlog at the end. If the link needs longer, only the ledger is checked."""

DRAIN_MARGIN_SECS = 30.0
PATIENCE_SECS = 120.0


class Span(NamedTuple):
    """Times of a phase: its beginning with a change of the link, and the beginning and the end of its measurement."""

    phase: Phase
    changed: float
    began: float
    ended: float


class Trial:
    """Test of one link, whose parts run. `measure` takes as long as all phases together."""

    def __init__(self, setup: LinkSetup) -> None:
        self.run, self.bridge, self.load = setup.run, setup.bridge, setup.load
        self.link, self.kinesis, self.logs = setup.link, setup.kinesis, setup.logs
        self._spans: list[Span] = []

    def measure(self) -> LinkResult:
        """Run the phases, let the bridge deliver the backlog if there is time, and stop the bridge."""
        if self.load:
            assert self.load.filled.wait(FILL_SECS), "the backlog could not be published"
        for phase in self.run.phases:
            self._play(phase)
        # A request that is in flight at the end counts in proportion, but only when it has arrived. Wait for it.
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
        """End the load, stop the bridge, and return the result with their counts."""
        published = self.load.stop() * self.run.streams
        problems = self._await_received(published) or self._drain(published)
        # Count before the bridge stops, because the stop may end a request early.
        result = self._counted(result)
        stop_problems, spooled = stopped(self.bridge)
        # A record that has arrived but is not settled counts twice here, so `lost` can only be too low.
        lost = 0 if stop_problems else max(0, published - self._distinct - spooled)
        return replace(result, published=published, lost=lost, problems=problems + stop_problems)

    def _counted(self, result):
        """Return the result with the counts of the stand-in."""
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
        """Return the longest time from a change to full speed; None if a phase did not reach full speed.

        Phases in which responses become late do not count, because the bridge learns of it only with the first late
        response.
        """
        befores = (self._spans[0], *self._spans)
        times = [
            recovery_time(self._bytes_between, span.changed, span.ended, self.run.carried(span.phase))
            for before, span in zip(befores, self._spans, strict=False)
            if span.phase.response_secs <= before.phase.response_secs
        ]
        return None if None in times else max(times)

    def _latencies(self):
        """Return the sorted latencies of the live records, without those that were published too late to be judged."""
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
        """Wait until the bridge has received all published messages. Return a problem if it has not.

        Otherwise, records that the broker still has would count as lost.
        """
        deadline = time.monotonic() + PATIENCE_SECS
        while (received := read_ledger(self.bridge.folder / "data").total("received")) < published:
            if time.monotonic() > deadline:
                return (f"{published - received} records not received from the broker after {PATIENCE_SECS:.0f} s",)
            time.sleep(LOOK_SECS / 4)
        return ()

    def _drain(self, published):
        """Wait until the remaining records have arrived, if the link can carry them soon. Return the problems."""
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
    """Stop a bridge. Return (problems, number of records that are spooled in its ledger)."""
    try:
        assert bridge.running, "the bridge has ended"
        return (), stop_and_balance(bridge).total("spooled")
    except AssertionError as error:
        code = "still running" if bridge.exit_code is None else f"exit code {bridge.exit_code}"
        return (f"stop: {code}: {str(error).splitlines()[0][:120]}",), 0
