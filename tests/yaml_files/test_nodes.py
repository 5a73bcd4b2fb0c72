import pytest

from bridge.yaml_files import path_text
from bridge.yaml_files.nodes import find, scalars
from tests.yaml_files.read import parsed


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a", "b_c-d$"), "a.b_c-d$"),
        (("a", 0, 1, "b"), "a[0][1].b"),
        (("a b", "c.d", ""), "['a b']['c.d']['']"),
    ],
)
def test_path_is_written_as_people_write_it(path, text):
    assert path_text(path) == text


def test_find_of_a_missing_path_is_not_exact():
    root = parsed("a: [1]").root
    assert find(root, ("a", 0))[1]
    assert not find(root, ("a", 1))[1]
    assert not find(root, ("a", "0"))[1]
    assert not find(root, ("a", -1))[1]


def test_scalars_below_a_node_are_all_returned():
    assert [scalar.data for scalar in scalars(parsed("a: [1, {b: x}]\nc: true").root)] == [1, "x", True]
