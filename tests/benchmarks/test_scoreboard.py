import json
from dataclasses import dataclass

from tests.benchmarks.scoreboard import Figure, Section, at_least, at_most, table, write


@dataclass
class Measured:
    value: float


def test_figure_is_met_at_its_target_and_missed_beyond_it():
    assert [Figure("n", value, "µs", at_most(12)).met for value in (11.9, 12, 12.1)] == [True, True, False]
    assert [Figure("n", value, "", at_least(60_000)).met for value in (59_999, 60_000)] == [False, True]
    assert Figure("n", 1).met is None


def test_table_has_each_figure_beside_its_target():
    figures = [Figure("CPU", 21.5, "µs", at_most(16)), Figure("messages", 38_127, "/s", at_least(20_000))]
    shown = table([Section("pipeline", figures, Measured(1), (9.96, 11.5))])
    rows = list(zip(*(column.cells for column in shown.columns), strict=True))
    assert rows[1:] == [
        ("  CPU", "21.5 µs", "≤ 16 µs", "[red]missed[/red]"),
        ("  messages", "38,127 /s", "≥ 20,000 /s", "[green]met[/green]"),
        ("  [dim]the machine itself, before and after[/dim]", "[dim]10.0, 11.5 µs[/dim]", "", ""),
    ]


def test_section_that_was_not_measured_now_stays_in_the_file(tmp_path):
    file = tmp_path / "bench.json"
    one = Section("one", [Figure("a", 1, "µs", at_most(2))], Measured(1), (10, 11))
    write(file, [one, Section("two", [], Measured(2), (10, 11))])
    write(file, [Section("two", [], Measured(3), (12, 13))])
    sections = json.loads(file.read_text())["sections"]
    assert sections["one"]["figures"][0]["target"] == {"relation": "≤", "value": 2}
    assert sections["one"]["figures"][0]["met"] is True
    assert sections["two"]["measured"] == {"value": 3}
    assert (sections["one"]["yardstick_us"], sections["two"]["yardstick_us"]) == ([10, 11], [12, 13])
