"""CSV export of any dead letter: no cell is a formula in any locale, and the number of rows is right."""

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from bridge.cli.commands.export import COLUMNS, csv_line
from bridge.spool.dead_letters import StoredDeadLetter
from tests.fuzz.mutation import nearly
from tests.spool.builders import dead_letter

BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
EVIL = st.lists(
    st.sampled_from(
        ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", ";", ",", '"', "\n", "\r", "\t", "'", "x", "=", "\uff1d"]
    )
).map("".join)


@given(EVIL | st.text(max_size=30), EVIL, nearly(b"=1", b"a;=1", b"\xff=1"))
@example("a;=HYPERLINK(1)", "x\n=1", b"-")
def test_csv_cell_never_begins_a_formula_for_any_separator(topic, detail, payload):
    line = csv_line(0, StoredDeadLetter(1, dead_letter(topic=topic, detail=detail, payload=payload))).decode()
    [row] = csv.reader(io.StringIO(line, newline=""))
    assert len(row) == len(COLUMNS)
    for separator in ",;\t|":
        for cells in csv.reader(io.StringIO(line, newline=""), delimiter=separator):
            assert not [cell for cell in cells if cell.startswith(BEGINNINGS)]
