from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.expressions.multi_select_hash import HashItem, compile_hash
from bridge.mapping.expressions.selection import chain
from tests.mapping.expressions.generated import DOCUMENTS, SCOPES

NAMES = st.sampled_from(["a", "b", "it's", 'a"b', "{}", "\n", "\ud800", "__import__('os')"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)


def items(*paths):
    return [HashItem(str(number), chain(path), path, is_constant=False) for number, path in enumerate(paths)]


def by_hand(made):
    return lambda value: None if value is None else {item.key: item.search(value) for item in made}


@given(paths=st.lists(PATHS, min_size=1, max_size=6), document=DOCUMENTS | SCOPES)
def test_gives_what_the_items_give_one_by_one(paths, document):
    made = items(*paths)
    assert compile_hash(made, by_hand(made))(document) == by_hand(made)(document)


@given(name=NAMES)
def test_names_are_never_code(name):
    made = items((name,), ("x", name))
    assert compile_hash(made, by_hand(made))({name: 1, "x": {name: 2}}) == {"0": 1, "1": 2}


def test_hash_of_a_path_with_present_fields_uses_no_single_lookups():
    made = items(("payload", "a"), ("payload", "b"))

    def never(_):
        raise AssertionError

    assert compile_hash(made, never)({"payload": {"a": 1}}) == {"0": 1, "1": None}


def test_constants_and_calls_stand_in_their_places():
    made = [
        HashItem("b", lambda _: 2, None, is_constant=True),
        *items(("x",)),
        HashItem("a", len, None, is_constant=False),
    ]
    assert list(compile_hash(made, by_hand(made))({"x": 1}).items()) == [("b", 2), ("0", 1), ("a", 1)]
