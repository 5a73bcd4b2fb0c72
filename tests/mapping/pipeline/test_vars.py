import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.mapping.file_models.mapping_spec import MAX_VARS
from bridge.mapping.pipeline.message_pipeline import FILTERED
from tests.mapping.builders import applied as applied_to
from tests.mapping.builders import mapping, message, specification

CELSIUS = {"celsius": "(payload.f - 32) * 5 / 9"}


def applied(made, payload, **options):
    return applied_to(made, message(payload, **options))


def records(mapped):
    assert not mapped.rejections
    return [draft.data for draft in mapped.drafts]


def test_vars_are_values_for_every_expression_of_the_mapping():
    made = mapping(
        vars=CELSIUS,
        where="vars.celsius > 20",
        transform="{ t: vars.celsius }",
        outputs=[{"data_stream": "s", "partition_key_from": "to_string(vars.celsius)"}],
    )
    mapped = applied(made, b'{"f": 212}')
    assert records(mapped) == [b'{"t":100}']
    assert mapped.drafts[0].key == "100"
    assert applied(made, b'{"f": 32}') is FILTERED


def test_vars_are_read_inside_lists_as_a_variable():
    made = mapping(vars=CELSIUS, transform="payload.v[].{ v: @, t: $vars.celsius }", each=True)
    assert records(applied(made, b'{"f": 50, "v": [1, 2]}')) == [b'{"v":1,"t":10}', b'{"v":2,"t":10}']


def test_vars_see_those_before_them():
    made = mapping(vars={**CELSIUS, "kelvin": "vars.celsius + 273"}, transform="vars")
    assert records(applied(made, b'{"f": 50}')) == [b'{"celsius":10,"kelvin":283}']


def test_vars_that_fail_reject_the_message_and_are_named():
    [rejection] = applied(mapping(vars=CELSIUS, transform="vars.celsius"), b'{"f": "x"}').rejections
    assert rejection.code == "transform"
    assert rejection.detail.startswith("vars.celsius: the left operand of '-' (payload.f) must be a number")


def test_vars_that_no_expression_reads_are_not_evaluated():
    assert records(applied(mapping(vars=CELSIUS, transform="{ f: payload.f }"), b'{"f": "x"}')) == [b'{"f":"x"}']


def test_vars_in_where_are_not_evaluated_before_the_payload_is_decoded():
    made = mapping(vars=CELSIUS, where="!retain && vars.celsius > 20")
    assert applied(made, b"no JSON", retain=True) is FILTERED
    assert [each.code for each in applied(made, b"no JSON").rejections] == ["decode"]
    assert len(applied(made, b'{"f": 212}').drafts) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"vars": {"a": "vars.b", "b": "payload"}}, "'vars.b' here; `vars` defines nothing before"),
        ({"vars": CELSIUS, "where": "vars.kelvin"}, "'vars.kelvin' here; `vars` defines celsius before"),
        ({"where": "vars.celsius"}, "'vars' exists only with a section `vars:`"),
        ({"where": "payload[?@ > $vars.celsius]"}, "'vars' exists only with a section `vars:`"),
        ({"vars": CELSIUS, "where": "payload[?@ > vars.celsius]"}, "write $vars.celsius"),
        ({"vars": {"2a": "payload"}}, "'2a' cannot name a value"),
        ({"vars": {"a": "payload +"}}, "vars.a: "),
        ({"vars": {f"a{number}": "payload" for number in range(MAX_VARS + 1)}}, "expected at most 64"),
    ],
)
def test_vars_with_errors_are_reported_by_check(changes, problem):
    with pytest.raises(ConfigError) as caught:
        specification(**changes)
    assert problem in "\n".join(map(str, caught.value.problems))


@given(st.integers(1, 100))
def test_vars_up_to_the_limit_are_evaluated(names):
    options = {"vars": {f"a{number}": "payload" for number in range(names)}, "transform": f"vars.a{names - 1}"}
    if names <= MAX_VARS:
        assert records(applied(mapping(**options), b"7")) == [b"7"]
    else:
        with pytest.raises(ConfigError, match="expected at most 64"):
            specification(**options)
