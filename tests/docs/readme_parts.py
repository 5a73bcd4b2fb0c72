"""Parts of the README that repeat measurements, copied from the pages that the measuring tools write."""

import re

from tests.docs.pages import DOCS

PERFORMANCE = DOCS / "explanation" / "performance.md"
FAULT_SUITE = DOCS / "explanation" / "fault-suite.md"
COST_COLUMNS = ("messages/s", "CPU from a backlog, µs a message", "records per 1,000 messages")
FATES = ("killed", "away", "throttled")


def rows(text: str) -> list[list[str]]:
    """Return the cells of each row of the tables in a text. Omit the lines of dashes."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def comparison_table() -> str:
    """Return the table of the measured programs, with the resources that each needed and the messages that it lost."""
    part = re.search(r"<!-- peers -->(.*?)<!-- end -->", PERFORMANCE.read_text(encoding="utf-8"), re.DOTALL)
    assert part, "no table of peers"
    cost, fate = part[1].strip().split("\n\n")
    head, *costs = rows(cost)
    fate_head, *fates = rows(fate)
    lost = {row[0]: [row[fate_head.index(name)].split(" / ")[0] for name in FATES] for row in fates}
    lines = [
        "| | messages/s | CPU a message | records for 1,000 messages | lost: killed | Kinesis away | records fail |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in costs:
        if row[0] in lost:
            rate, cpu, records = (row[head.index(name)] for name in COST_COLUMNS)
            lines.append(f"| {row[0]} {row[1]} | {rate} | {cpu} µs | {records} | {' | '.join(lost[row[0]])} |")
    return "\n".join(lines)


def fault_line() -> str:
    """Return the sentences with the number of faults, of messages, and of lost messages."""
    part = re.search(r"<!-- faults -->(.*?)<!-- end -->", FAULT_SUITE.read_text(encoding="utf-8"), re.DOTALL)
    assert part, "no table of faults"
    _, *scenarios = rows(part[1])
    sent = sum(int(row[2].replace(",", "")) for row in scenarios)
    lost = sum(int(row[3].replace(",", "")) for row in scenarios)
    return (
        f"[The fault suite](docs/explanation/fault-suite.md) causes {len(scenarios)} faults in real programs "
        "and networks (SIGKILL between any two steps, failing disks, broken and slow links, every error of Kinesis). "
        f"Of {sent:,} messages, {lost:,} were lost."
    )
