"""A configuration's fingerprint: two bridges with the same one have the same options."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.config.settings import Settings

_DIGITS: Final = 12
_MAY_HOLD_SECRETS: Final = {"kinesis": {"authentication": {"command": True, "source": {"command"}}}}


def fingerprint(settings: Settings) -> str:
    """12 hexadecimal digits. No secret has a part in it, so that nobody can test a guess by it."""
    told = settings.model_dump_json(exclude=_MAY_HOLD_SECRETS)  # type: ignore[arg-type]  # as pydantic has it
    return sha256(told.encode()).hexdigest()[:_DIGITS]
