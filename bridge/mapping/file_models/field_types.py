"""Field types that several sections of a mapping file share."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from bridge.mapping.topics.pattern import check_topic_name

DEFAULT_RECEIVED_AT = "2024-01-01T00:00:00.000Z"
"""Receive time of a test message without `received_at`."""


class SpecSection(BaseModel):
    """Base class of the sections of a mapping file.

    Unknown options are errors. Types are strict: the text "1" is not accepted as the number 1.
    """

    # With `defer_build`, the commands that read no mapping file start faster.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def one_of(*options: str) -> dict[str, Any]:
    """Return a JSON Schema rule for editors: exactly one of these options is required."""
    return {"oneOf": [{"required": [option]} for option in options]}


def exactly_one(section: BaseModel, *options: str) -> None:
    """Raise ValueError if the section does not have exactly one of these options."""
    given = [option for option in options if option in section.model_fields_set]
    if len(given) != 1:
        names = ", ".join(f"'{option}'" for option in options)
        found = f"{' and '.join(given)} are given" if given else "none of them is given"
        raise ValueError(f"exactly one of {names} is needed; {found}")


def _topic_name(text: str) -> str:
    """Return a topic without wildcards unchanged. Raise ValueError for any other text."""
    check_topic_name(text)
    return text


def _base64(text: str) -> str:
    """Return base64 text unchanged. Raise ValueError for any other text."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"is not base64: {error}") from None
    return text


def _time(text: str) -> str:
    """Return an ISO 8601 time with a time zone unchanged. Raise ValueError for any other text."""
    try:
        moment = datetime.fromisoformat(text)
        moment.astimezone(UTC)  # raises OverflowError if the year in UTC is before 1 or after 9999
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"'{text}' is not a time with its zone, such as {DEFAULT_RECEIVED_AT}")
    return text


def _no_boolean(value: Any) -> Any:
    """Return the value. Raise ValueError for a boolean, because pydantic would accept `true` as the number 1."""
    if isinstance(value, bool):
        raise ValueError("expected 0, 1 or 2, found true or false")  # noqa: TRY004 - pydantic reports a ValueError only
    return value


Qos = Annotated[Literal[0, 1, 2], BeforeValidator(_no_boolean)]
Text = Annotated[str, Field(min_length=1)]
TopicName = Annotated[
    str,
    AfterValidator(_topic_name),
    Field(json_schema_extra={"pattern": "^[^+#]+$", "patternErrorMessage": "a message's topic has no wildcards"}),
]
Base64 = Annotated[
    str,
    AfterValidator(_base64),
    Field(json_schema_extra={"pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}),
]
Time = Annotated[str, AfterValidator(_time)]
