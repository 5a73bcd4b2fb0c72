"""Fingerprint of a configuration. Two bridges with the same fingerprint have the same options, except for secrets."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.config.settings import Settings

# 12 digits are 48 bits. Among 1,000 configurations, two have the same digits with a probability of 2 in a billion.
_DIGITS: Final = 12
# These options are excluded. pydantic masks SecretStr values, but a command may contain a secret as plain text.
_MAY_HOLD_SECRETS: Final = {"kinesis": {"authentication": {"command": True, "source": {"command"}}}}


def fingerprint(settings: Settings) -> str:
    """Return a digest of the options as 12 hexadecimal digits.

    The digest does not depend on secrets. Otherwise, anybody who sees the digest could test guesses of a password.
    """
    # mypy does not accept the nested sets, which pydantic documents for `exclude`.
    options = settings.model_dump_json(exclude=_MAY_HOLD_SECRETS)  # type: ignore[arg-type]
    return sha256(options.encode()).hexdigest()[:_DIGITS]
