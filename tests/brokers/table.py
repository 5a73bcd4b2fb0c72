"""Table of docs/reference/brokers.md, with a row for each check and a column for each broker."""

import re

from tests.brokers.battery import CHECKS
from tests.brokers.broker import ROOT
from tests.brokers.catalog import CATALOG

PAGE = ROOT / "docs" / "reference" / "brokers.md"
_TABLE = re.compile(r"(<!-- brokers -->\n).*?(<!-- end -->)", re.DOTALL)


def rows_of(text: str | None = None) -> dict[str, dict[str, str]]:
    """Return the results on the page, by broker and check."""
    body = _TABLE.search(PAGE.read_text(encoding="utf-8") if text is None else text)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in body[0].splitlines() if line[:1] == "|"]
    if not lines:
        return {}
    names = lines[0][1:]
    found = {name: {} for name in names}
    for check, *cells in lines[2:]:
        for name, cell in zip(names, cells, strict=True):
            found[name][check] = cell
    return found


def table(rows: dict[str, dict[str, str]]) -> str:
    names = [kind.name for kind in CATALOG if kind.name in rows]
    lines = ["| check | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for check in CHECKS:
        cells = [rows[name].get(check, "").replace("|", "\\|") for name in names]
        lines.append(f"| {check} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write(rows: dict[str, dict[str, str]]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_TABLE.sub(lambda found: f"{found[1]}\n{table(rows)}\n\n{found[2]}", text), encoding="utf-8")
