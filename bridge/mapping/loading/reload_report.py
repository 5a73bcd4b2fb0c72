"""Changes made by one reload of the mappings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping as Dictionary
    from pathlib import Path

    from bridge.errors import Problem
    from bridge.mapping.mapping import Mapping

# Maximum number of listed names, because a change of a lookup table can reload two thousand mappings.
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """Names of the mappings that were loaded and removed, and the first error of each file that does not load."""

    loaded: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything has changed."""
        return bool(self.loaded or self.removed or self.failed)

    @property
    def summary(self) -> str:
        """The changes in one line."""
        failed = tuple(name for name, _ in self.failed)
        parts = {"loaded": self.loaded, "removed": self.removed, "not loaded": failed}
        return "mappings: " + "; ".join(f"{_names(names)} {verb}" for verb, names in parts.items() if names)

    @property
    def detail(self) -> str:
        """The errors, one line per file."""
        return "\n".join(error for _, error in self.failed[:_SHOWN])


class FileState(Protocol):
    """State of one mapping file: its active mapping, and the problems of the file."""

    @property
    def mapping(self) -> Mapping | None:
        """Active mapping; None if there is none."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Problems of the file; empty if its current version is active."""


def reload_report(before: Dictionary[Path, FileState], now: Dictionary[Path, FileState]) -> ReloadReport:
    """Return the difference of two states of the files."""
    mappings = {file: each.mapping for file, each in before.items()}
    problems = {file: each.problems for file, each in before.items()}
    changed = [file for file, each in now.items() if each.mapping is not mappings.get(file) and not each.problems]
    failed = [file for file, each in now.items() if each.problems and each.problems != problems.get(file)]
    return ReloadReport(
        loaded=tuple(file.stem for file in changed),
        removed=tuple(sorted(file.stem for file in before.keys() - now.keys())),
        failed=tuple((file.stem, str(now[file].problems[0])) for file in failed),
    )


def _names(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
