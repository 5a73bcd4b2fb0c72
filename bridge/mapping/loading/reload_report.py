"""Report on one reload of the mappings: which mappings were loaded or removed, and which files failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from bridge.files import shown_name

if TYPE_CHECKING:
    from collections.abc import Mapping as Dictionary
    from pathlib import Path

    from bridge.errors import Problem
    from bridge.mapping.mapping import Mapping

# Maximum number of names in a report. A change of a lookup table can reload thousands of mappings.
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """Names of the mappings that a reload has loaded, has removed, or has failed to load.

    `failed` are pairs of a mapping's name and the first error in its file.
    """

    loaded: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything has changed."""
        return bool(self.loaded or self.removed or self.failed)

    @property
    def summary(self) -> str:
        """Line of text with the names of all changed mappings."""
        failed = tuple(name for name, _ in self.failed)
        parts = {"loaded": self.loaded, "removed": self.removed, "not loaded": failed}
        return "mappings: " + "; ".join(f"{_names(names)} {verb}" for verb, names in parts.items() if names)

    @property
    def detail(self) -> str:
        """Text with the errors, one line per file."""
        return "\n".join(error for _, error in self.failed[:_SHOWN])


class FileState(Protocol):
    """Contract of the state of a mapping file, such as `fallback_loader.LoadedFile`."""

    @property
    def mapping(self) -> Mapping | None:
        """Active mapping of the file, which may be an earlier version, or None if no version is active."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Problems of the current version of the file. There are none if this version is active."""


def reload_report(before: Dictionary[Path, FileState], now: Dictionary[Path, FileState]) -> ReloadReport:
    """Return the differences between the states of all files before and after a reload."""
    mappings = {file: each.mapping for file, each in before.items()}
    problems = {file: each.problems for file, each in before.items()}
    # A mapping that was not compiled again is the same object as before.
    changed = [file for file, each in now.items() if each.mapping is not mappings.get(file) and not each.problems]
    failed = [file for file, each in now.items() if each.problems and each.problems != problems.get(file)]
    return ReloadReport(
        loaded=tuple(file.stem for file in changed),
        removed=tuple(sorted(shown_name(file.stem) for file in before.keys() - now.keys())),
        failed=tuple((shown_name(file.stem), str(now[file].problems[0])) for file in failed),
    )


def _names(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
