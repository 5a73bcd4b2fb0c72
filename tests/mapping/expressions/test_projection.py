import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.expressions import projection
from bridge.mapping.expressions.expression import compile_expression
from bridge.mapping.expressions.projection import bounded, filtered, flattened, project, project_values


def same(value):
    return value


def first(value):
    return value[0] if value else None


@pytest.mark.parametrize("value", [None, 1, "ab", True, {"a": 1}])
def test_projection_of_a_value_that_is_no_list_is_null(value):
    searches = (project(same, None), project(same, first), filtered(same, same, same), flattened(same))
    assert [search(value) for search in searches] == [None] * 4


@pytest.mark.parametrize("value", [None, 1, "ab", [1]])
def test_projection_of_members_of_a_value_without_members_is_null(value):
    assert project_values(same, same)(value) is None


@pytest.mark.parametrize(
    ("search", "value", "result"),
    [
        (project(same, None), [1, None, 0, False, ""], [1, 0, False, ""]),
        (project(same, first), [[1], [], [None], [0]], [1, 0]),
        (project_values(same, first), {"b": [1], "a": [], "c": [0]}, [1, 0]),
        (filtered(same, first, same), [[1], [], [None], [2]], [1, 2]),
        (filtered(same, same, lambda value: value != 2), [1, 2, 3, None], [1, 3]),
        (flattened(same), [1, [2, [3]], [], None, {"a": [4]}], [1, 2, [3], None, {"a": [4]}]),
        (project(same, same), [], []),
    ],
)
def test_projection_keeps_the_order_and_omits_null(search, value, result):
    assert search(value) == result


def test_projection_does_not_change_its_list():
    value = [1, [2, 3], None]
    for search in (project(same, None), flattened(same), filtered(same, same, same)):
        assert search(value) is not value
    assert value == [1, [2, 3], None]


@given(st.lists(st.lists(st.just(1), max_size=9), max_size=9), st.integers(0, 40))
def test_flattened_list_has_elements_up_to_the_limit(lists, limit):
    elements = sum(map(len, lists))
    search = compile_expression("[]").search
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(projection, "MAX_ELEMENTS", limit)
        if elements <= limit:
            assert search(lists) == [1] * elements
        else:
            with pytest.raises(TransformError, match=f"flattening returns more than {limit} elements"):
                search(lists)


@given(st.lists(st.text(max_size=9), max_size=9), st.integers(0, 40))
def test_texts_of_a_result_have_characters_up_to_the_limit(texts, limit):
    search = bounded(same)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(projection, "MAX_CHARACTERS", limit)
        if sum(map(len, texts)) <= limit:
            assert search(texts) == texts
        else:
            with pytest.raises(TransformError, match=f"or {limit} characters"):
                search(texts)


@given(st.lists(st.text(max_size=9), max_size=9, unique=True), st.integers(0, 40))
def test_names_of_a_result_have_characters_up_to_the_limit(names, limit):
    result = [dict.fromkeys(names, 1)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(projection, "MAX_CHARACTERS", limit)
        if sum(map(len, names)) <= limit:
            assert bounded(same)(result) is result
        else:
            with pytest.raises(TransformError, match=f"or {limit} characters"):
                bounded(same)(result)


@pytest.mark.parametrize("result", [[[1, 2], {"a": [3]}], {"a": [1], "b": [1, 2], "c": 3}])
def test_bounded_result_has_elements_of_all_levels_up_to_the_limit(monkeypatch, result):
    monkeypatch.setattr(projection, "MAX_ELEMENTS", 6)
    assert bounded(same)(result) is result
    monkeypatch.setattr(projection, "MAX_ELEMENTS", 5)
    with pytest.raises(TransformError, match="more than 5 elements"):
        bounded(same)(result)


def test_bounded_result_may_be_nested_too_deeply_for_the_stack():
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert bounded(same)(deep) is deep
