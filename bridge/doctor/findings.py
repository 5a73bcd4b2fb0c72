"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["well", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`said` is what was found; `advice` what to do, "" where nothing is."""

    subject: str
    state: State
    said: str
    advice: str = ""


def well(subject: str, said: str) -> Finding:
    """As it should be."""
    return Finding(subject, "well", said)


def warning(subject: str, said: str, advice: str) -> Finding:
    """It works, and may not be what is wanted."""
    return Finding(subject, "warning", said, advice)


def failed(subject: str, said: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(subject, "failed", said, advice)
