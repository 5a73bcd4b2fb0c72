"""Section expressions: `python -m tests.benchmarks.expressions`.

It compares compiled expressions with the interpreter of the package `jmespath`. The package does not have some forms,
such as operators. These are compared with compiled expressions without them.
"""

import timeit
from dataclasses import dataclass

import jmespath

from bridge.mapping.expressions.expression import compile_expression
from tests.benchmarks.scoreboard import Figure, at_most

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
        "items": [{"n": f"s{number}", "v": number} for number in range(20)],
        "nested": {"motor": {"rpm": 1450, "current": {"a": 1.2, "b": 1.3}}, "state": "RUN"},
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


FORMS = {
    "formula": (
        "round((payload.temperature - 32) * 5 / 9, 1)",
        "round(divide(multiply(subtract(payload.temperature, `32`), `5`), `9`), `1`)",
    ),
    "sum of three": ("payload.count + payload.temperature + 1", "add(payload.count, payload.temperature, `1`)"),
    "product in a list": ("payload.items[].{n: n, v: v * 2}", "payload.items[].{n: n, v: multiply(v, `2`)}"),
    "remainder": ("payload.count % 24", "modulo(payload.count, `24`)"),
    "floor division": ("payload.count // 24", "floor(divide(payload.count, `24`))"),
    "conditional": ("payload.temperature > 50 ? 'hot' : 'ok'", "if(payload.temperature > `50`, 'hot', 'ok')"),
    "variable of the scope": (
        "{t: $payload.temperature, s: $captures.site}",
        "{t: payload.temperature, s: captures.site}",
    ),
    "variable in a list": ("payload.items[].{n: n, v: v, s: $captures.site}", "payload.items[].{n: n, v: v, s: 'pdx'}"),
    "let": ("let $s = captures.site in payload.items[].{n: n, v: v, s: $s}", "payload.items[].{n: n, v: v, s: 'pdx'}"),
    "index in map": ("map(&{i: $index, v: v}, payload.items)", "map(&{i: n, v: v}, payload.items)"),
    "items": ("items(payload.tags)[*].{k: [0], v: [1]}", "[keys(payload.tags), values(payload.tags)]"),
    "from_items": ("from_items(items(payload.tags))", "items(payload.tags)"),
    "zip": ("zip(payload.vib, payload.vib)[*].{t: [0], v: [1]}", "payload.vib[].{t: @, v: @}"),
    "group_by": ("group_by(payload.items, &n)", "sort_by(payload.items, &n)"),
    "range": ("range(20)", "payload.items[].v"),
    "flatten_object": ("flatten_object(payload.nested, '.')", "to_string(payload.nested)"),
    "find_first": ("find_first(payload.machine, '0')", "contains(payload.machine, '0')"),
}
"""Forms that the package does not have, each with an equivalent expression without it."""


@dataclass(frozen=True)
class Form:
    name: str
    form_us: float
    without_us: float

    @property
    def ratio(self):
        return self.form_us / self.without_us


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
    """Yield the best times of the interpreter and of the compiled closures for each example expression."""
    return [
        Ratio(
            name,
            _microseconds(jmespath.compile(text).search, max(number // 10, 1)),
            _microseconds(compile_expression(text).search, number),
        )
        for name, text in EXPRESSIONS.items()
    ]


def forms(number=5000):
    """Yield the best times of each form and of its equivalent.

    Both are measured in turn, because the speed of the machine changes.
    """
    found = []
    for name, texts in FORMS.items():
        searches = [compile_expression(text).search for text in texts]
        times = [[_microseconds(search, number // 5) for search in searches] for _ in range(3)]
        found.append(Form(name, *(min(column) for column in zip(*times, strict=True))))
    return found


OPERATORS = frozenset({"formula", "sum of three", "product in a list", "remainder", "floor division", "conditional"})
"""Forms that must not cost more than the equivalent function calls."""


@dataclass(frozen=True)
class Ratios:
    expressions: list[Ratio]
    forms: list[Form]

    def figures(self) -> list[Figure]:
        return [
            *(Figure(f"{each.name}: interpreted / compiled", each.ratio, "x") for each in self.expressions),
            *(
                Figure(f"{each.name}: operators / functions", each.ratio, "x", at_most(1.05))
                for each in self.forms
                if each.name in OPERATORS
            ),
            *(Figure(each.name, each.form_us, "µs") for each in self.forms if each.name not in OPERATORS),
        ]


def measure(*, quick, note) -> Ratios:
    note("compiled, and by the jmespath package")
    number = 500 if quick else 5000
    return Ratios(measured(number), forms(number))


def main():
    for each in measured():
        line = f"{each.name:22} {each.compiled_us:7.2f} µs compiled {each.interpreted_us:7.2f} µs interpreted"
        print(f"{line} {each.ratio:6.1f} x")
    for each in forms():
        print(f"{each.name:22} {each.form_us:7.2f} µs         {each.without_us:7.2f} µs without   {each.ratio:8.2f} x")


if __name__ == "__main__":
    main()
