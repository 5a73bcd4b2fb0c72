"""Result of a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

State = Literal["well", "warning", "failed"]
Check = Literal[
    "firewall",
    "broker.address",
    "broker.session",
    "broker.limits",
    "broker.subscription",
    "broker.window",
    "broker.queue",
    "broker.dropped",
    "broker.retained",
    "broker.messages",
    "aws.endpoint",
    "aws.clock",
    "aws.credentials",
    "aws.stream",
    "aws.placement",
    "aws.shards",
    "aws.send",
    "aws.uplink",
    "disk.sync",
    "spool.room",
    "doctor",
]
"""Identifier of a check, stable for programs. `doctor` means that a check did not end properly."""
CHECKS: Final[tuple[str, ...]] = get_args(Check)
Facts = Mapping[str, Any]
NONE: Final[Facts] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Finding:
    """Finding of a check: `said` is the result, `advice` what to do ("" for nothing).

    `facts` contain the same in numbers, for programs; `details` are lines below `said`.
    """

    check: Check
    subject: str
    state: State
    said: str
    advice: str = ""
    details: tuple[str, ...] = ()
    facts: Facts = field(default_factory=lambda: NONE)

    def value(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        told = {name: getattr(self, name) for name in ("check", "subject", "state", "said", "advice")}
        return {**told, "details": list(self.details), "facts": dict(self.facts)}


def well(check: Check, subject: str, said: str, facts: Facts = NONE, details: tuple[str, ...] = ()) -> Finding:
    """Return a finding without a problem."""
    return Finding(check, subject, "well", said, "", details, facts)


def warning(check: Check, subject: str, said: str, advice: str, facts: Facts = NONE) -> Finding:
    """Return a finding that works, but may not be intended."""
    return Finding(check, subject, "warning", said, advice, (), facts)


def failed(check: Check, subject: str, said: str, advice: str, facts: Facts = NONE) -> Finding:
    """Return a finding that does not work."""
    return Finding(check, subject, "failed", said, advice, (), facts)
