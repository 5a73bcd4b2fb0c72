import pytest
from pydantic import model_validator

from bridge.errors import ConfigError
from bridge.yaml_files import validate
from tests.yaml_files.models import Model, Strict, problems
from tests.yaml_files.read import parsed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("count: abc", "count: expected a whole number from 5 to 65535, found 'abc'"),
        ("count: 3", "count: expected a whole number from 5 to 65535, found 3"),
        ("count: '7'", "count: expected a whole number from 5 to 65535, found '7'"),
        ("count: 7.5", "count: expected a whole number from 5 to 65535, found 7.5"),
        ("count: true", "count: expected a whole number from 5 to 65535, found true"),
        ("count: 012", "count: expected a whole number from 5 to 65535, found '012'"),
        ("count: [1]", "count: expected a whole number from 5 to 65535, found a list"),
        ("count:", "count: expected a whole number from 5 to 65535, found null"),
        ("ratio: 0", "ratio: expected a number above 0, found 0"),
        ("each: on", "each: expected true or false, found 'on'; write true"),
        ("each: No", "each: expected true or false, found 'No'; write false"),
        ("each: 1", "each: expected true or false, found 1"),
        ("url: # topic", "url: expected text or a list, found null; '#' begins a comment: put the value in quotes"),
        ("where: 5", "where: expected text, found 5; put it in quotes"),
        ("where: true", "where: expected text, found true; put it in quotes"),
        ("where: {a: b}", ("where: expected text, found keys and values; a text that begins with '{' or '[' must be "
         "in quotes, or after '|' on lines of its own")),
        ("where: [a, b]", ("where: expected text, found a list; a text that begins with '{' or '[' must be "
         "in quotes, or after '|' on lines of its own")),
        ("when_full: bloc", "when_full: expected 'block' or 'drop_oldest', found 'bloc'; did you mean 'block'?"),
        ("when_full: 1", "when_full: expected 'block' or 'drop_oldest', found 1"),
        ("outputs: x", "outputs: expected a list, found 'x'"),
        ("outputs: {}", "outputs: expected a list, found keys and values"),
        ("login: x", "login: expected keys and values, found text"),
        ("region: x", "region: expected a region, found 'x'"),
        ("refused: x", "refused: never 'x'"),
        ("expect: x", "expect: expected a list or 'filtered', found 'x'"),
        (f"count: {'x' * 99}", f"count: expected a whole number from 5 to 65535, found '{'x' * 59}… (99 characters)"),
    ],
)  # fmt: skip
def test_problem_reports_what_is_expected_what_was_found_and_what_to_do(text, problem):
    assert problems(text) == [f"1:1: {problem}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("wheer: a", "1:1: wheer: unknown key; did you mean 'where'?"),
        ("whenFull: block", "1:1: whenFull: unknown key; did you mean 'when_full'?"),
        ("when-full: block", "1:1: when-full: unknown key; did you mean 'when_full'?"),
        ("expect: [{zz: b}]", "1:11: expect[0].zz: unknown key; expected data_stream or partition_key"),
        ("outputs: [{}]", "1:11: outputs[0].data_stream: missing; expected text"),
        ("outputs: [{data_stream: a, partition_key: abcde}]",
         "1:28: outputs[0].partition_key: expected text of at most 4 characters, found 'abcde'"),
        ("url: [a, 5]", "1:10: url[1]: expected text, found 5; put it in quotes"),
        ("pair: {a: x}", "1:8: pair.a: expected a whole number, found 'x'"),
        ("expect: [{data_steam: a}]", "1:11: expect[0].data_steam: unknown key; did you mean 'data_stream'?"),
    ],
)  # fmt: skip
def test_problem_deep_inside_has_its_own_place(text, problem):
    assert problem in problems(text)


@pytest.mark.parametrize(
    ("login", "problem"),
    [
        ("{type: tokn}", "1:9: login.type: expected 'token' or 'role', found 'tokn'; did you mean 'token'?"),
        ("{type: 5}", "1:9: login.type: expected 'token' or 'role', found 5"),
        ("{key: a}", "1:1: login.type: missing; expected 'token' or 'role'"),
        ("{type: token}", "1:1: login.key: missing; expected text"),
        ("{type: role, kye: a}", "1:21: login.kye: unknown key; expected type"),
        ("{type: token, key: 5}", "1:22: login.key: expected text, found 5; put it in quotes"),
        ("{type: token, key: a, token: b}", "1:30: login.token: unknown key; expected type, key or secret"),
    ],
)
def test_choice_by_type_is_spoken_of_as_the_user_wrote_it(login, problem):
    assert problems(f"login: {login}") == [problem]


@pytest.mark.parametrize(
    "text",
    [
        "count: ${S}",
        "each: ${S}",
        "ratio: x${S}",
        "when_full: ${S}",
        "region: ${S}",
        "outputs: ${S}",
        "login: ${S}",
        "login: {type: '${S}'}",
        "login: {type: token, key: [], secret: '${S}'}",
        "url: [[], '${S}']",
        "refused: ${S}",
        "outputs: [{data_stream: '${S}', partition_key: '${S}'}]",
        "expect: ${S}",
        "unknown: ${S}",
        "pair: {a: '${S}'}",
    ],
)
@pytest.mark.parametrize("secret", ["hunter2", 'it\'s "hunter2"\n', "\u00fchunter2"])
def test_substituted_value_is_never_shown(text, secret):
    shown = "\n".join(problems(text, {"S": secret}))
    assert shown
    assert "hunter2" not in shown
    with pytest.raises(ConfigError) as caught:
        validate(Model, parsed(text, {"S": secret}))
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_default_in_the_file_is_not_shown_either():
    assert "hunter2" not in "".join(problems("count: ${N:-hunter2}"))


def test_secret_written_into_the_file_is_not_shown():
    assert problems("login: {type: token, key: a, secret: 55555}") == [
        "1:30: login.secret: expected text of at least one character, found a number"
    ]


def test_models_own_check_is_shown_at_the_model():
    class Pair(Strict):
        a: int = 0
        b: int = 0

        @model_validator(mode="after")
        def _equal(self):
            if self.a != self.b:
                raise ValueError("a and b must be equal")
            return self

    class Root(Strict):
        pair: Pair

    assert problems("\npair: {a: 1}", model=Root) == ["2:1: pair: a and b must be equal"]


def test_empty_reference_is_called_empty():
    assert problems("count: ${N}", {"N": ""}) == [
        "1:1: count: expected a whole number from 5 to 65535, but ${N} is empty"
    ]
