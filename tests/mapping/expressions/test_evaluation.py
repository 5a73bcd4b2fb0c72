"""Variables, and limits of the values that they repeat."""

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.expressions import evaluation
from bridge.mapping.expressions.evaluation import MAX_STEPS, Evaluation, weight
from bridge.mapping.expressions.expression import compile_expression

SCOPE = {
    "payload": {"site": "pdx", "factor": 2, "items": [{"n": "a", "v": 1}, {"n": "b", "v": 2}], "l": [3, 4]},
    "captures": {"line": "line3"},
    "topic": "t",
}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$topic", "t"),
        ("$payload.site", "pdx"),
        ("$payload.missing.x", None),
        ("{a: $payload.site, b: $topic}", {"a": "pdx", "b": "t"}),
        ("payload.items[].{n: n, line: $captures.line, t: $topic}", [
            {"n": "a", "line": "line3", "t": "t"}, {"n": "b", "line": "line3", "t": "t"}]),
        ("payload.items[?v == $payload.factor].n", ["b"]),
        ("map(&@ * $payload.factor, payload.l)", [6, 8]),
        ("sort_by(payload.items, &v * -$payload.factor)[].n", ["b", "a"]),
        ("payload.* | [0] | $captures.line", "line3"),
        ("payload.items[*].merge(@, {line: $captures.line})[].line", ["line3", "line3"]),
        ("let $s = payload.site in payload.items[].[$s, n]", [["pdx", "a"], ["pdx", "b"]]),
        ("let $a = payload.items, $b = topic in {n: length($a), t: $b}", {"n": 2, "t": "t"}),
        ("let $a = 'x' in let $a = 'y', $b = $a in [$a, $b]", ["y", "x"]),
        ("let $topic = 'mine' in [$topic, payload.l[].[$topic]]", ["mine", [["mine"], ["mine"]]]),
        ("payload.items[].[let $n = n in $payload.l[].[$n, @]][]", [
            [["a", 3], ["a", 4]], [["b", 3], ["b", 4]]]),
        ("let $l = payload.items[*] in $l[0].n", "a"),
        ("let $k = 5 in payload.l[].[@ * $k][]", [15, 20]),
        ("let $k = [1, 2] in $k[1]", 2),
        ("let $n = payload.none in $n", None),
        ("map(&[$index, n], payload.items)", [[0, "a"], [1, "b"]]),
        ("map(&map(&$index, $payload.l), payload.l)", [[0, 1], [0, 1]]),
        ("map(&let $row = $index in map(&$row * 10 + $index, $payload.l), payload.l)", [[0, 1], [10, 11]]),
        ("let $index = 'mine' in [$index, map(&$index, payload.l)]", ["mine", [0, 1]]),
        ("[let $x = payload.l in sum($x), let $x = payload.items in length($x)]", [7, 2]),
        ("let $x = payload.l in [sort($x)[0], sort($x)[1], let $x = [9, 8] in sort($x)[0], sort($x)[1]]", [3, 4, 8, 4]),
        ("let $x = [1, 2] in $x[*].[let $y = @ in `[5]`[?$y == $x[0]].[$y, @]][]", [[[1, 5]], []]),
        ("`[1, 2]`[*].[@ * $payload.factor, `[3]`[?@ > $payload.factor]]", [[2, [3]], [4, [3]]]),
        ("payload.l[].[sort_by(`[2, 1]`, &@ * $payload.factor)[0]]", [[1], [1]]),
        ("let $let = let $in = topic in $in in $let", "t"),
        ("payload.items[].{let: n, in: v}", [{"let": "a", "in": 1}, {"let": "b", "in": 2}]),
    ],
)  # fmt: skip
def test_variable_is_read_where_a_name_is_null(text, result):
    assert compile_expression(text).search(SCOPE) == result


@pytest.mark.parametrize("text", ["$nope", "{a: $nope}", "{a: $nope.x}", "map(&$nope, payload.l)", "topic | $nope.x.y"])
def test_variable_that_is_not_there_is_an_error(text):
    with pytest.raises(TransformError, match=r"there is no variable \$nope"):
        compile_expression(text).search(SCOPE)


def test_variable_names_are_part_of_what_an_expression_reads():
    expression = compile_expression("let $a = payload.x in $a[].{s: $captures.site, t: $topic, u: q}")
    assert expression.names == {"payload", "captures", "topic"}
    assert expression.variables == {"captures", "topic"}
    assert ("captures", "site") in expression.members
    assert compile_expression("let $a = @ in $a.x").names is None


def test_threads_do_not_share_variables():
    text = "let $n = n in map(&[$n, $index, $o], range(50))"
    search = compile_expression(text).search
    barrier = threading.Barrier(4)

    def evaluate(n):
        barrier.wait()
        return [search({"n": n, "o": -n}) for _ in range(200)]

    with ThreadPoolExecutor(4) as pool:
        for n, results in enumerate(pool.map(evaluate, range(4))):
            assert results == [[[n, index, -n] for index in range(50)]] * 200


def test_variables_of_a_message_are_forgotten_after_it():
    class Payload(dict):
        pass

    search = compile_expression("let $p = payload in [1, 2][].[$p.x, $payload.x][]").search
    payload = Payload(x=1)
    found = weakref.ref(payload)
    assert search({"payload": payload}) == [1, 1, 1, 1]
    del payload
    gc.collect()
    assert found() is None


def test_variables_of_a_message_that_fails_are_forgotten_too():
    search = compile_expression("let $p = payload in map(&$p.x * 2, range(2))").search
    with pytest.raises(TransformError):
        search({"payload": {"x": "text"}})
    assert search({"payload": {"x": 3}}) == [6, 6]


def nested(inner, depth):
    return inner if not depth else nested(f"map(&{inner}, range(1000))", depth - 1)


@pytest.mark.parametrize(
    "text",
    [
        "payload[].{all: $payload}",
        "payload[].[let $p = $payload in $p]",
        "map(&$payload, payload)",
        "payload[?contains($payload, @)]",
        "sort_by(payload, &length($payload))",
        "group_by(payload, &to_string(length($payload)))",
        "let $all = payload in $all[].{a: $all}",
        "let $all = payload in map(&map(&[$all[0], @], $all), $all)",
        "payload[].{n: range(3000)}",
        "payload[].{n: $payload[1000:]}",
        nested("@", 2),
        nested("$payload", 2),
        "map(&flatten_object({a: $payload}, '.'), payload)",
        "payload[].[`[1]`[*].range(1000)]",
    ],
)
def test_expression_that_repeats_the_message_is_bounded(text):
    search = compile_expression(text).search
    started = time.process_time()
    with pytest.raises(TransformError, match="repeats or makes more than 2000000 values for this message"):
        search({"payload": list(range(5000))})
    assert time.process_time() - started < 10
    assert search({"payload": [1, 2]}) is not None if "1000" not in text else True


def test_text_that_is_repeated_counts_by_its_characters():
    search = compile_expression("payload[].{s: $captures.s}").search
    assert len(search({"payload": [1] * 1000, "captures": {"s": "x" * 10_000}})) == 1000
    with pytest.raises(TransformError, match="repeats or makes more than"):
        search({"payload": [1] * 1000, "captures": {"s": "x" * 100_000}})


def test_name_of_a_member_that_is_repeated_counts_by_its_characters():
    search = compile_expression("map(&$payload.o, payload.l)").search
    assert len(search({"payload": {"o": {"n" * 10_000: 1}, "l": [0] * 1000}})) == 1000
    with pytest.raises(TransformError, match="repeats or makes more than"):
        search({"payload": {"o": {"n" * 100_000: 1}, "l": [0] * 1000}})


def test_weight_counts_elements_and_characters_and_stops_early():
    assert weight(5) == 0
    assert weight("x" * 3200) == 100
    assert weight([1, [2, 3], {"a": "x" * 3200}]) == 3 + 2 + 1 + 100
    assert weight({"n" * 1600: 1, "m" * 1600: {}}) == 2 + 100
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert weight(deep) == 5000
    many = [[1] * MAX_STEPS, [1] * MAX_STEPS]
    assert MAX_STEPS < weight(many) <= 2 * MAX_STEPS + 2


def test_work_of_a_usual_batch_is_far_below_the_bound():
    search = compile_expression("payload[].{v: v, first: $payload[0].v, site: $captures.site}").search
    payload = [{"v": number, "more": "x" * 100} for number in range(100_000)]
    assert len(search({"payload": payload, "captures": {"site": "pdx"}})) == 100_000


@given(st.lists(st.integers(0, 30), max_size=9), st.integers(0, 100))
def test_charge_up_to_the_limit_is_accepted(charges, limit):
    state, done = Evaluation(0), 0
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(evaluation, "MAX_STEPS", limit)
        for steps in charges:
            done += steps
            if done <= limit:
                state.charge(steps)
            else:
                with pytest.raises(TransformError, match=f"repeats or makes more than {limit} values"):
                    state.charge(steps)
