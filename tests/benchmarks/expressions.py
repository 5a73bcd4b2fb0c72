"""Compiled expressions against the `jmespath` package's interpreter: `python -m tests.benchmarks.expressions`."""

import timeit
from dataclasses import dataclass

import jmespath

from bridge.mapping.expressions.expression import compile_expression
from tests.benchmarks.scoreboard import Figure

SCOPE = {
    "topic": "factory/pdx/line3/press07/telemetry",
    "levels": ["factory", "pdx", "line3", "press07", "telemetry"],
    "captures": {"site": "pdx", "line": "line3", "machine": "press07"},
    "payload": {
        "machine": "press07",
        "status": "RUN",
        "temperature": 71.5,
        "tags": {"site": "pdx", "line": "line3"},
        "count": 12345,
        "vib": [0.12, 0.34, 0.21],
        "alarms": [{"code": 7, "active": True}, {"code": 9, "active": False}],
        "ts": 1700000000000,
    },
}

EXPRESSIONS = {
    "seven fields": (
        "{machine: payload.machine, temp_c: payload.temperature, site: payload.tags.site, line: payload.tags.line, "
        "count: payload.count, vib: max(payload.vib), ts: payload.ts}"
    ),
    "captures and payload": (
        "{site: captures.site, machine: captures.machine, ts: payload.ts, temperature_c: payload.temperature}"
    ),
    "where": "payload.status != 'OFF' && payload.temperature > `50`",
    "key": "captures.machine",
    "alarms": "payload.alarms[?active].{code: code}",
    "repeated": "{a: sort_by(payload.alarms, &code)[0].code, b: sort_by(payload.alarms, &code)[1].code}",
}


@dataclass(frozen=True)
class Ratio:
    name: str
    interpreted_us: float
    compiled_us: float

    @property
    def ratio(self):
        return self.interpreted_us / self.compiled_us


def _microseconds(search, number):
    return min(timeit.repeat(lambda: search(SCOPE), number=number, repeat=7)) / number * 1e6


def measured(number=5000):
    """The interpreter's and the compiled closures' best time for each example expression."""
    return [
        Ratio(
            name,
            _microseconds(jmespath.compile(text).search, max(number // 10, 1)),
            _microseconds(compile_expression(text).search, number),
        )
        for name, text in EXPRESSIONS.items()
    ]


@dataclass(frozen=True)
class Ratios:
    expressions: list[Ratio]

    def figures(self) -> list[Figure]:
        return [Figure(f"{each.name}: interpreted / compiled", each.ratio, "x") for each in self.expressions]


def measure(*, quick, note) -> Ratios:
    note("compiled, and by the jmespath package")
    return Ratios(measured(500 if quick else 5000))


def main():
    for each in measured():
        line = f"{each.name:22} {each.compiled_us:7.2f} µs compiled {each.interpreted_us:7.2f} µs interpreted"
        print(f"{line} {each.ratio:6.1f} x")


if __name__ == "__main__":
    main()
