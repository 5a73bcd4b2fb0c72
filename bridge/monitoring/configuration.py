"""Options of the running bridge for the page, without secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Source = Literal["default", "file", "environment", "secret file"]


@dataclass(frozen=True, slots=True)
class EffectiveOption:
    """One option with its current value.

    name         path of the option in the file, such as `mqtt.client_id`
    value        value as text; it is "" for a secret, and for an option without a value
    is_set       true if the option has a value; the page shows this in place of the value of a secret
    source       where the value comes from
    references   references in the file that were replaced to get the value, such as `${MQTT_PASSWORD}`
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
    """The configuration file, and all options in the order of the reference documentation."""

    file: Path
    options: tuple[EffectiveOption, ...]
