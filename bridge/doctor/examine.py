"""All checks, beside one another and under one deadline."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from bridge.doctor.findings import failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.doctor.findings import Finding

DEADLINE_SECS = 30.0

_SILENT = "something on the way takes connections and does not answer: a proxy, a firewall, or a server that hangs"


def examine(
    checks: Sequence[tuple[str, Callable[[], Iterable[Finding]]]], secs: float = DEADLINE_SECS
) -> list[Finding]:
    """What all of them found, in their order. One that fails or does not end is a finding of its own."""
    found: list[list[Finding]] = [[] for _ in checks]
    ended = [threading.Event() for _ in checks]

    def run(place: int) -> None:
        subject, check = checks[place]
        try:
            for finding in check():
                found[place].append(finding)
        except Exception as error:  # noqa: BLE001 - one check must never stop the others
            found[place].append(
                failed("doctor", subject, f"{type(error).__name__}: {error}", "this is a defect: please report it")
            )
        finally:
            ended[place].set()

    for place in range(len(checks)):
        threading.Thread(target=run, args=(place,), name=f"doctor {place}", daemon=True).start()
    deadline = time.monotonic() + secs
    for place, (subject, _) in enumerate(checks):
        if not ended[place].wait(max(0.0, deadline - time.monotonic())):
            found[place].append(failed("doctor", subject, f"no result within {secs:.0f} s", _SILENT))
    return [finding for each in found for finding in list(each)]
