"""Tables of docs/reference/status.md: the states, the problems and their fields."""

from bridge.monitoring.problem_kinds import PROBLEM_KINDS
from bridge.monitoring.problem_text import STATE_WORDS
from bridge.monitoring.problems import ActiveProblem
from tests.docs.pages import DOCS
from tests.docs.tables import cell

REFERENCE = DOCS / "reference" / "status.md"
STATES = {
    "ok": ("no active problem", "0", "200", "green"),
    "degraded": ("at least one warning, no error: data flows, but something needs attention", "1", "200", "amber"),
    "failing": ("at least one error: some data does not flow, or the accounting is wrong", "1", "503", "red"),
}
BUFFERED = "The buffered records. The problem shows their number, and the number of dropped records."
FIELDS = {
    "code": "one of the codes above",
    "severity": "`warning` or `error`",
    "stage": "`receiving`, `mapping`, `spooling`, `delivering` or `running`",
    "summary": "what is wrong, and where",
    "cause": "error text and host; several lines for a mapping file",
    "advice": "what to do",
    "since": "when the problem began, in seconds since 1970",
    "attempts": "failed attempts in a row; 0 if nothing is attempted",
    "safe": "what is not lost",
    "buffered_records": "records of the stream on disk",
    "dropped_records": "records of the stream that were dropped in the last hour",
    "buffer_hours": "hours until the spool is full at the present inflow; null if unknown or if nothing accumulates",
    "stream": 'name of the stream; "" if the problem concerns no stream',
    "mapping": 'name of the mapping; "" if the problem concerns no mapping',
    "worker": 'name of the worker of `run --workers`; "" in a single process, or if all workers have the problem',
}


def states_table():
    heads = "| state | shown as | means | exit code of `status` | `/readyz` | page |"
    rows = [heads, "| --- | --- | --- | --- | --- | --- |"]
    for state, (means, code, ready, colour) in STATES.items():
        rows.append(f"| `{state}` | {STATE_WORDS[state]} | {means} | {code} | {ready} | {colour} |")
    return "\n".join(rows)


def problems_table():
    rows = ["| code | stage | severity | when | what is safe | what to do |", "| --- | --- | --- | --- | --- | --- |"]
    for kind in PROBLEM_KINDS:
        severity = " or ".join(kind.severities)
        texts = (kind.meaning, kind.safe or BUFFERED, kind.advice)
        rows.append(f"| `{kind.code}` | {kind.stage} | {severity} | " + " | ".join(map(cell, texts)) + " |")
    return "\n".join(rows)


def fields_table():
    rows = ["| field | is |", "| --- | --- |"]
    return "\n".join(rows + [f"| `{name}` | {FIELDS[name]} |" for name in ActiveProblem.__dataclass_fields__])
