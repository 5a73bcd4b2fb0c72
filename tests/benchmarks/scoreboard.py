"""Table of all measured figures with their targets, and the same data as JSON."""

import json
import operator
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

_WORDS = {"≤": operator.le, "≥": operator.ge}


@dataclass(frozen=True)
class Target:
    """Target of a figure. `relation` is ≤ or ≥."""

    relation: str
    value: float

    def met_by(self, value: float) -> bool:
        return _WORDS[self.relation](value, self.value)


def at_most(value: float) -> Target:
    return Target("≤", value)


def at_least(value: float) -> Target:
    return Target("≥", value)


@dataclass(frozen=True)
class Figure:
    """One measured number. `unit` is the unit of the number and of its target."""

    name: str
    value: float
    unit: str = ""
    target: Target | None = None

    @property
    def met(self) -> bool | None:
        """True if the figure meets its target; None without a target."""
        return None if self.target is None else self.target.met_by(self.value)


@dataclass(frozen=True)
class Section:
    """Result of one section: `figures` for the table, and `measured` (a dataclass) for the JSON.

    `yardstick` is the speed of the machine before and after the section, in µs.
    """

    name: str
    figures: list[Figure]
    measured: object = field(repr=False)
    yardstick: tuple[float, float]

    def document(self) -> dict:
        return {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "load_average": os.getloadavg()[0],
            "yardstick_us": self.yardstick,
            "figures": [asdict(figure) | {"met": figure.met} for figure in self.figures],
            "measured": asdict(self.measured) if is_dataclass(self.measured) else self.measured,
        }


def table(sections: Iterable[Section]) -> Table:
    shown = Table(title=f"mqtt-kinesis on {os.cpu_count()} CPUs, Python {platform.python_version()}")
    for name, side in (("", "left"), ("measured", "right"), ("target", "right"), ("", "left")):
        shown.add_column(name, justify=side)
    for section in sections:
        shown.add_section()
        shown.add_row(f"[bold]{section.name}[/bold]")
        for figure in section.figures:
            shown.add_row(f"  {figure.name}", _number(figure.value, figure.unit), _target(figure), _verdict(figure))
        before, after = section.yardstick
        shown.add_row("  [dim]the machine itself, before and after[/dim]", f"[dim]{before:.1f}, {after:.1f} µs[/dim]")
    return shown


def _number(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


def _target(figure: Figure) -> str:
    return f"{figure.target.relation} {_number(figure.target.value, figure.unit)}" if figure.target else ""


def _verdict(figure: Figure) -> str:
    return {None: "", True: "[green]met[/green]", False: "[red]missed[/red]"}[figure.met]


def write(file: Path, sections: Iterable[Section]) -> None:
    """Write the results. Sections that were not measured in this run keep their earlier results."""
    known = json.loads(file.read_text())["sections"] if file.exists() else {}
    machine = {"python": platform.python_version(), "cpus": os.cpu_count()}
    found = known | {section.name: section.document() for section in sections}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(machine | {"sections": found}, indent=2, ensure_ascii=False) + "\n")
