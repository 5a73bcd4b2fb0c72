"""Models of `changes`, `sample` and `sparkplug` in a mapping file, which check their form."""

from __future__ import annotations

import re
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from bridge.mapping.schema.field_types import SpecSection, Text
from bridge.yaml_files import Describe

_PERCENT = re.compile(r"\d+(\.\d+)?%")
MAX_EVERY_SECS = 7 * 24 * 3600
"""Upper limit of the options with a number of seconds: one week."""

Secs = Annotated[float, Field(gt=0, le=MAX_EVERY_SECS)]


def _deadband(value: Any) -> Any:
    """Return the value. Raise ValueError unless each deadband is a number from 0 on, or a percentage."""
    for each in value.values() if isinstance(value, dict) else (value,):
        if isinstance(each, str) and not _PERCENT.fullmatch(each):
            raise ValueError(f"'{each}' is neither a number nor a percentage such as 1% or 0.5%")
        if not isinstance(each, str) and not isfinite(each):
            raise ValueError(f"{each} is not a finite number; no change would ever be sent")
        if not isinstance(each, str) and each < 0:
            raise ValueError(f"{each} is less than nothing; 0 sends every change")
    return value


Deadband = Annotated[
    float | str | dict[str, float | str],
    AfterValidator(_deadband),
    Describe('a number, a percentage ("1%"), or an object with one of them for each name'),
]


class ChangesSpec(SpecSection):
    """The options of `changes`: send only messages whose values changed."""

    key: Text | None = Field(
        None, description="JMESPath: a value is compared with the last value of the same key; the topic if not given."
    )
    value: Text | None = Field(
        None, description="JMESPath: the value, or an object or list of several; the complete payload if not given."
    )
    deadband: Deadband = Field(
        0.0,
        description="Numbers this near to the one last sent are no change; a percentage is of that one. "
        "With several values also by name.",
    )
    at_least_every_secs: Secs | None = Field(None, description="Send a message after this time, changed or not.")


class SampleSpec(SpecSection):
    """The options of `sample`: send one message of many."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"keep": {"enum": ["mean", "min_max"]}}},
            "then": {"required": ["value"]},
        }
    )

    every_secs: Secs = Field(description="The length of a span; spans begin at whole multiples of it.")
    key: Text | None = Field(None, description="JMESPath: one sample for each key; the topic if not given.")
    keep: Literal["first", "last", "mean", "min_max"] = Field(
        "last", description="first: sent at once; the others when the span has ended."
    )
    value: Text | None = Field(
        None, description="JMESPath, with mean and min_max: the number; with mean also an object of several."
    )

    @model_validator(mode="after")
    def _value_where_needed(self) -> SampleSpec:
        if (self.keep in {"mean", "min_max"}) != (self.value is not None):
            raise ValueError("`value` and `keep: mean` or `keep: min_max` belong together: one of them is missing")
        return self


class SparkplugSpec(SpecSection):
    """The options of `payload: sparkplug_b`."""

    rebirth: bool = Field(True, description="Ask an edge node to be born again when something was missed (NCMD).")
    rebirth_every_secs: Annotated[int, Field(ge=1, le=86_400)] = Field(
        60, description="At most one request to an edge node in this time."
    )
