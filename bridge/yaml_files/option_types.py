"""Types of option values beyond plain text and numbers."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from bridge.yaml_files.type_descriptions import Describe

KIB, MIB, GIB = 1024, 1024**2, 1024**3

_UNITS = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "tb": 1000**4}
_BINARY_UNITS = {"kib": KIB, "mib": MIB, "gib": GIB, "tib": 1024**4}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]{0,3})", re.ASCII)
MAX_MQTT_TEXT_BYTES = 65_535
"""Maximum bytes of an MQTT string in UTF-8.

Source: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901010
"""


class Section(BaseModel):
    """Base class of a section of the settings. It is immutable, and validation refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


def parse_size(value: Any) -> Any:
    """Return the bytes of a size such as `2 GiB`, `500 MB` or a plain number.

    Any other value is returned unchanged, so that the type's own validation refuses it.
    """
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    factor = {**_UNITS, **_BINARY_UNITS}.get(match[2].lower()) if match else None
    # A Fraction is exact. With floats, `8.2 MB` would become 8,199,999 bytes.
    return int(Fraction(match[1]) * factor) if match and factor else value


def size_text(size: int) -> str:
    """Return the shortest exact text of a size: `2 GiB`, `1000 bytes`."""
    for unit, factor in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if size and size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} bytes"


_SizeText = Annotated[str, Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,9})? ?([KkMmGgTt]?[Bb]|[KkMmGgTt][Ii][Bb])?$")]

Size = Annotated[int, BeforeValidator(parse_size, json_schema_input_type=_SizeText | Annotated[int, Field(ge=0)])]
"""A size in bytes."""


def size_between(low: int, high: int | None = None) -> Describe:
    """Return the description of a size option with these limits in bytes."""
    limits = f"of at least {size_text(low)}" if high is None else f"from {size_text(low)} to {size_text(high)}"
    return Describe(f"a size {limits}, such as '500 MB', '2 GiB' or 67108864 (bytes)")


def _path(value: Path, info: ValidationInfo) -> Path:
    # Without this check, Python would raise ValueError only when the file is opened.
    if "\0" in str(value):
        raise ValueError("expected a path, which has no NUL character in it")
    return info.context["folder"] / value if info.context else value


def _not_empty(value: Any) -> Any:
    if value == "":
        raise ValueError("expected a path, found empty text")
    return value


def _readable(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("no such file (a relative path begins at the folder of this configuration file)")
    return value


FromFolder = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_path), Describe("a path")]
"""A path. A relative path begins at the folder of the configuration file."""

ExistingFile = Annotated[FromFolder, AfterValidator(_readable)]
"""Path of a file that must exist when the configuration is loaded."""


def mqtt_text(value: str) -> str:
    """Return the text if MQTT can carry it: at most 65,535 bytes of UTF-8, and no NUL. Raise ValueError."""
    if "\0" in value or len(value.encode()) > MAX_MQTT_TEXT_BYTES:
        raise ValueError(
            f"expected text of at most {MAX_MQTT_TEXT_BYTES} bytes without NUL characters (an MQTT string)"
        )
    return value


MqttText = Annotated[str, AfterValidator(mqtt_text)]
"""Text that MQTT can carry."""
