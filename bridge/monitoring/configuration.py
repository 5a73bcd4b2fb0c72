"""The configuration of the running bridge for the page, without secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Source = Literal["default", "file", "environment", "secret file"]


@dataclass(frozen=True, slots=True)
class EffectiveOption:
    """One option with its current value.

    `name` is its path in the file, such as `mqtt.client_id`. `value` is its text, "" for none. For a `secret`, `value`
    is empty and only `is_set` is known. `references` are the `${…}` in the file that the value comes from.
    """

    name: str
    value: str
    is_set: bool
    secret: bool
    source: Source
    references: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Options in the order of the reference documentation, and the file that they were read from."""

    file: Path
    options: tuple[EffectiveOption, ...]
