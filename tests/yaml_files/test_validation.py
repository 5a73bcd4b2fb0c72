from typing import Annotated

from pydantic import Field

from bridge.yaml_files import validate
from tests.yaml_files.models import Model, Output, Role, Strict, problems
from tests.yaml_files.read import parsed


def test_model_is_made_of_what_is_valid():
    text = "each: true\noutputs: [{data_stream: a}]\nurl: [a]\nratio: 2\nanything: {a: [18446744073709551615, 0.1]}"
    model = validate(Model, parsed(text))
    assert model.outputs == (Output(data_stream="a"),)
    assert (model.each, model.url, model.ratio) == (True, ["a"], 2.0)
    assert model.anything == {"a": [2**64 - 1, 0.1]}


def test_errors_of_a_union_are_only_those_of_the_meant_alternative():
    assert len(problems("url: [a, 5]")) == 1
    assert len(problems("expect: [{data_stream: 5}]")) == 1


def test_problems_are_reported_together():
    text = "each: 1\ncount: x\noutputs:\n  - data_steam: a\nlogin: {}\n"
    assert [problem.split(": ")[0] for problem in problems(text)] == ["1:1", "2:1", "4:5", "4:5", "5:1"]


def test_part_of_a_document_is_validated_with_its_full_path():
    assert problems("a:\n  - {type: role, x: 1}", model=Role, path=("a", 0)) == [
        "2:18: a[0].x: unknown key; expected type"
    ]


def test_document_that_is_no_table_is_a_problem():
    assert problems("just text") == ["1:1: expected keys and values, found text"]


def test_variable_is_a_number_or_a_boolean_where_one_is_expected():
    text = "count: ${N}\neach: '${B}'\nratio: ${R}\nwhere: ${N}\npair: {a: '${N}'}\nanything: ${N}"
    model = validate(Model, parsed(text, {"N": "8080", "B": "true", "R": "1"}))
    assert (model.count, model.each, model.ratio, model.where) == (8080, True, 1.0, "8080")
    assert model.pair == {"a": 8080}
    assert model.anything == "8080"


def test_variable_out_of_range_is_a_problem_after_its_conversion():
    assert problems("count: ${N}", {"N": "3"}) == [
        "1:1: count: expected a whole number from 5 to 65535, but ${N} has another value"
    ]


def test_list_is_not_called_short_for_the_problems_of_its_items():
    class Root(Strict):
        outputs: Annotated[list[Output], Field(min_length=1)]

    assert problems("outputs: [{data_stream: 5}]", model=Root) == [
        "1:12: outputs[0].data_stream: expected text, found 5; put it in quotes"
    ]
    assert problems("outputs: []", model=Root) == [
        "1:1: outputs: expected a list of at least one item, found an empty list"
    ]
