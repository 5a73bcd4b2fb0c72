"""Result of a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

Status = Literal["ok", "info", "warning", "error"]
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
"""Identifier of a check, stable for programs. `doctor` means that a check failed with an exception or did not end."""
CHECKS: Final[tuple[str, ...]] = get_args(Check)
Facts = Mapping[str, Any]
NO_FACTS: Final[Facts] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of a check. `message` is the result as text. `advice` is the remedy, or "" if none is needed.

    `facts` contains the values of the message, for programs. `details` contains further lines, shown below the message.
    The status `info` means that the result is neither good nor bad.
    """

    check: Check
    subject: str
    status: Status
    message: str
    advice: str = ""
    details: tuple[str, ...] = ()
    facts: Facts = field(default_factory=lambda: NO_FACTS)

    def value(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        values = {name: getattr(self, name) for name in ("check", "subject", "status", "message", "advice")}
        return {**values, "details": list(self.details), "facts": dict(self.facts)}


def ok(check: Check, subject: str, message: str, facts: Facts = NO_FACTS, details: tuple[str, ...] = ()) -> Finding:
    """Return a finding without a problem."""
    return Finding(check, subject, "ok", message, "", details, facts)


def info(check: Check, subject: str, message: str, advice: str = "", facts: Facts = NO_FACTS) -> Finding:
    """Return a finding that is neither good nor bad."""
    return Finding(check, subject, "info", message, advice, (), facts)


def warning(check: Check, subject: str, message: str, advice: str, facts: Facts = NO_FACTS) -> Finding:
    """Return a finding about a possible problem."""
    return Finding(check, subject, "warning", message, advice, (), facts)


def failed(check: Check, subject: str, message: str, advice: str, facts: Facts = NO_FACTS) -> Finding:
    """Return a finding about an error."""
    return Finding(check, subject, "error", message, advice, (), facts)
