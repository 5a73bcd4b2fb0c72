"""Environment variables for child processes, without the secrets of the bridge.

The bridge's own environment often contains the broker's password and the token of the status page, because bridge.yaml
can refer to environment variables as `${NAME}`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAMES = frozenset(
    {
        "HOME",
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "LOGNAME",
        "PATH",
        "PYTHONPATH",
        "SHELL",
        "TEMP",
        "TMP",
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
    }
)
_PREFIXES = ("LC_", "XDG_")


def child_environment(
    names: Iterable[str] = (), prefixes: tuple[str, ...] = (), environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the variables of `environment` that a child process may read.

    These are the variables in `_NAMES` and `names`, and the variables that begin with one of `_PREFIXES` or `prefixes`.
    """
    allowed = _NAMES.union(names)
    starts = _PREFIXES + prefixes
    return {name: value for name, value in environment.items() if name in allowed or name.startswith(starts)}
