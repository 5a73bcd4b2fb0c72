"""Fingerprint of a configuration: two bridges with the same fingerprint have the same options."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.config.settings import Settings

_DIGITS: Final = 12
# pydantic masks SecretStr values, but a command may contain a secret as plain text.
_MAY_HOLD_SECRETS: Final = {"kinesis": {"authentication": {"command": True, "source": {"command"}}}}


def fingerprint(settings: Settings) -> str:
    """Return 12 hexadecimal digits. The digest contains no secrets, because it would allow people to test guesses."""
    told = settings.model_dump_json(exclude=_MAY_HOLD_SECRETS)  # type: ignore[arg-type]  # as pydantic has it
    return sha256(told.encode()).hexdigest()[:_DIGITS]
