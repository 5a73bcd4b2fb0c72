"""What a check found."""

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
    "disk.sync",
    "spool.room",
    "doctor",
]
"""What was looked at: names that a program may rely on. `doctor` itself is one that could not come to its end."""
CHECKS: Final[tuple[str, ...]] = get_args(Check)
Facts = Mapping[str, Any]
NONE: Final[Facts] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Finding:
    """`said` is what was found; `advice` what to do, "" where nothing is.

    `facts` are the same in numbers, for programs; `details` lines that belong below `said`.
    """

    check: Check
    subject: str
    state: State
    said: str
    advice: str = ""
    details: tuple[str, ...] = ()
    facts: Facts = field(default_factory=lambda: NONE)

    def value(self) -> dict[str, Any]:
        """As JSON can hold it."""
        told = {name: getattr(self, name) for name in ("check", "subject", "state", "said", "advice")}
        return {**told, "details": list(self.details), "facts": dict(self.facts)}


def well(check: Check, subject: str, said: str, facts: Facts = NONE, details: tuple[str, ...] = ()) -> Finding:
    """As it should be."""
    return Finding(check, subject, "well", said, "", details, facts)


def warning(check: Check, subject: str, said: str, advice: str, facts: Facts = NONE) -> Finding:
    """It works, and may not be what is wanted."""
    return Finding(check, subject, "warning", said, advice, (), facts)


def failed(check: Check, subject: str, said: str, advice: str, facts: Facts = NONE) -> Finding:
    """It does not work."""
    return Finding(check, subject, "failed", said, advice, (), facts)
