"""Parallel execution of all checks, under one deadline."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.tools.doctor.finding import failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bridge.tools.doctor.finding import Finding

DEADLINE_SECS = 60.0
_SILENT = "a proxy, a firewall or a hanging server accepts connections and does not respond"


@dataclass(slots=True)
class _RunningCheck:
    """Check that runs on a separate thread. `found` grows until `ended` is true."""

    subject: str
    check: Callable[[], Iterable[Finding]]
    found: list[Finding] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    ended: bool = False

    def run(self) -> None:
        try:
            for finding in self.check():
                self._add(finding)
        except Exception as error:  # noqa: BLE001 - one check must never stop the others
            message = f"{type(error).__name__}: {error}"
            self._add(failed("doctor", self.subject, message, "this is a bug: report it"))
        with self.changed:
            self.ended = True
            self.changed.notify()

    def _add(self, finding: Finding) -> None:
        with self.changed:
            self.found.append(finding)
            self.changed.notify()

    def findings(self, deadline: float) -> Iterator[Finding]:
        """Yield the findings as the check adds them, until it ends or the deadline has passed."""
        shown = 0
        while True:
            with self.changed:
                self.changed.wait_for(
                    lambda shown=shown: self.ended or len(self.found) > shown,  # type: ignore[misc]  # bound now
                    max(0.0, deadline - time.monotonic()),
                )
                new, ended = self.found[shown:], self.ended
            yield from new
            shown += len(new)
            # Without new findings, the wait ended because the deadline has passed.
            if ended or not new:
                return


def examine(
    checks: Sequence[tuple[str, Callable[[], Iterable[Finding]]]], secs: float = DEADLINE_SECS
) -> Iterator[Finding]:
    """Yield the findings of all checks, in the order of the checks.

    Also yield a finding for a check that raises an exception, and for a check that does not end within `secs`.
    """
    running = [_RunningCheck(subject, check) for subject, check in checks]
    deadline = time.monotonic() + secs
    for number, each in enumerate(running):
        # The threads are daemons, because a check that hangs must not keep the process alive.
        threading.Thread(target=each.run, name=f"doctor {number}", daemon=True).start()
    for each in running:
        yield from each.findings(deadline)
        if not each.ended:
            yield failed("doctor", each.subject, f"no result within {secs:.0f} s", _SILENT)
