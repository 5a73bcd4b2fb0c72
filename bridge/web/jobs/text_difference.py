"""Job `diff`: the differences between two texts, as a unified diff.

It is a job because the time of a comparison can grow with the square of the number of lines.
"""

from __future__ import annotations

import difflib
from typing import Any, Final

MAX_LINES: Final = 2_000
"""Maximum number of lines in the result."""


def text_difference(asked: dict[str, Any]) -> dict[str, Any]:
    """Return {differences} for a request {old, new, old_name, new_name}."""
    old, new = asked["old"].splitlines(), asked["new"].splitlines()
    lines = list(difflib.unified_diff(old, new, asked["old_name"], asked["new_name"], lineterm=""))
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"... and {len(lines) - MAX_LINES:,} more lines"]
    return {"differences": "\n".join(lines)}
