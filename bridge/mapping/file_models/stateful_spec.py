"""Models of the sections `changes`, `sample` and `sparkplug` in a mapping file."""

from __future__ import annotations

import re
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from bridge.mapping.file_models.field_types import SpecSection, Text
from bridge.yaml_files import Describe

_PERCENT = re.compile(r"\d+(\.\d+)?%", re.ASCII)
MAX_EVERY_SECS = 7 * 24 * 3600
"""Maximum of `every_secs` and `at_least_every_secs`: one week."""

Secs = Annotated[float, Field(gt=0, le=MAX_EVERY_SECS)]


def _deadband(value: Any) -> Any:
    """Return the value. Raise ValueError if a deadband is neither a number of at least 0 nor a percentage."""
    for each in value.values() if isinstance(value, dict) else (value,):
        if isinstance(each, str) and not _PERCENT.fullmatch(each):
            raise ValueError(f"'{each}' is neither a number nor a percentage such as 1% or 0.5%")
        # YAML has NaN and infinity. No difference exceeds such a deadband.
        if not isfinite(float(each.removesuffix("%")) if isinstance(each, str) else each):
            raise ValueError(f"{each} is not a finite number; no change would ever be sent")
        if not isinstance(each, str) and each < 0:
            raise ValueError(f"{each} is negative; 0 sends every change")
    return value


Deadband = Annotated[
    float | str | dict[str, float | str],
    AfterValidator(_deadband),
    Describe('a number, a percentage ("1%"), or an object with one of them for each name'),
]


class ChangesSpec(SpecSection):
    """The options of `changes`: send only messages whose values changed."""

    key: Text | None = Field(
        None,
        description="JMESPath expression for a key. A value is compared with the value last sent for the same key. "
        "By default the topic.",
    )
    value: Text | None = Field(
        None,
        description="JMESPath expression for the value to compare, or an object or list of values. "
        "By default the payload.",
    )
    deadband: Deadband = Field(
        0.0,
        description="Largest difference from the value last sent that is no change. A number, or a percentage of the "
        "value last sent. For several values, an object with one deadband per name.",
    )
    at_least_every_secs: Secs | None = Field(
        None, description="After this time without a message sent, send the next message even if nothing has changed."
    )


class SampleSpec(SpecSection):
    """The options of `sample`: send one message per span of time."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"keep": {"enum": ["mean", "min_max"]}}},
            "then": {"required": ["value"]},
        }
    )

    every_secs: Secs = Field(description="Length of a span of time. Spans follow the clock: with 10, from :00 to :10.")
    key: Text | None = Field(
        None, description="JMESPath expression for a key. Each key has its own samples. By default the topic."
    )
    keep: Literal["first", "last", "mean", "min_max"] = Field(
        "last", description="Message of a span to send. first is sent at once, the others at the end of the span."
    )
    value: Text | None = Field(
        None,
        description="JMESPath expression for a number. mean and min_max need it. For mean, it may also return an "
        "object of numbers.",
    )

    @model_validator(mode="after")
    def _value_where_needed(self) -> SampleSpec:
        # `value` is a mistake with `keep: first` and `keep: last`, because these do not read a value.
        if (self.keep in {"mean", "min_max"}) != (self.value is not None):
            raise ValueError("`value` and `keep: mean` or `keep: min_max` belong together: one of them is missing")
        return self


class SparkplugSpec(SpecSection):
    """The options of `payload: sparkplug_b`."""

    rebirth: bool = Field(
        True, description="After missed messages, request a new birth message from the edge node (an NCMD rebirth)."
    )
    rebirth_every_secs: Annotated[int, Field(ge=1, le=86_400)] = Field(
        60, description="Minimum time between two such requests to the same edge node."
    )
