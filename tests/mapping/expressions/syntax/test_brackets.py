import pytest

from tests.mapping.expressions.syntax.trees import failure, shape, tree

A, B, C, SAME = ("field", "a"), ("field", "b"), ("field", "c"), ("identity",)
NAMES = ("quoted_identifier", "unquoted_identifier")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a.b.c", ("subexpression", A, B, C)),
        ("a.*", ("value_projection", A, SAME)),
        ("a.*.b", ("value_projection", A, B)),
        ("a.[b, c]", ("subexpression", A, ("multi_select_list", B, C))),
        ("a.{x: b}", ("subexpression", A, ("multi_select_dict", ("key_val_pair", "x", B)))),
        ("a.b(c)", ("subexpression", A, ("function_expression", "b", C))),
        ("a[0]", ("index_expression", A, ("index", 0))),
        ("a[0][-1]", ("index_expression", A, ("index", 0), ("index", -1))),
        ("[0]", ("index_expression", SAME, ("index", 0))),
        ("[0, 1]", ("multi_select_list", ("literal", 0), ("literal", 1))),
        ("[a]", ("multi_select_list", A)),
        ("a[*].b", ("projection", A, B)),
        ("[*]", ("projection", SAME, SAME)),
        ("*", ("value_projection", SAME, SAME)),
        ("[*, a]", ("multi_select_list", ("value_projection", SAME, SAME), A)),
        ("a[]", ("projection", ("flatten", A), SAME)),
        ("[].a", ("projection", ("flatten", SAME), A)),
        ("a[?b].c", ("filter_projection", A, C, B)),
        ("[?a]", ("filter_projection", SAME, SAME, A)),
        ("a[?b][]", ("projection", ("flatten", ("filter_projection", A, SAME, B)), SAME)),
        ("a[*] | b", ("pipe", ("projection", A, SAME), B)),
        ("a[*][0]", ("projection", A, ("index_expression", SAME, ("index", 0)))),
    ],
)
def test_brackets_and_dots_make_the_nodes_of_the_package(text, made):
    assert shape(tree(text)) == made


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("a[:]", (None, None, None)),
        ("a[::]", (None, None, None)),
        ("a[1:]", (1, None, None)),
        ("a[:-1]", (None, -1, None)),
        ("a[1:2:3]", (1, 2, 3)),
        ("a[::-1]", (None, None, -1)),
    ],
)
def test_brackets_with_colons_are_a_slice_that_projects(text, bounds):
    assert shape(tree(text)) == ("projection", ("index_expression", A, ("slice", *bounds)), SAME)


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("a[b]", 2, ("star",)),
        ("a[", 2, ("star",)),
        ("a[*", 3, ("rbracket",)),
        ("a[1 b]", 4, ("rbracket",)),
        ("a[1:b]", 4, ("number", "colon")),
        ("a[1:2:3:4]", 7, ()),
        ("a[?b", 4, ("rbracket",)),
        ("a[?]", 3, ()),
        ("[a", 2, ("comma", "rbracket")),
        ("[a b]", 3, ("comma", "rbracket")),
        ("[a,]", 3, ()),
        ("[", 1, ()),
        ("a.", 2, (*NAMES, "lbracket", "lbrace")),
        ("a.'b'", 2, (*NAMES, "lbracket", "lbrace")),
        ("a.[]", 2, (*NAMES, "lbracket", "lbrace")),
    ],
)
def test_brackets_that_are_not_complete_are_an_error(text, offset, expected):
    assert failure(text) == (offset, expected, "")


@pytest.mark.parametrize("number", ["1.5", "1e3", "1" * 5000])
def test_index_that_is_no_whole_number_is_an_error(number):
    for text in (f"a[{number}]", f"a[{number}:]"):
        assert failure(text) == (2, (), "an index is a whole number")


@pytest.mark.parametrize(("text", "offset", "number"), [("a.[0]", 3, 0), ("a.[b, 1]", 6, 1), ("a[*].[2, b]", 6, 2)])
def test_index_after_a_dot_is_an_error_that_shows_the_number(text, offset, number):
    message = f"an index has no dot before it; a number in a list is written `{number}`"
    assert failure(text) == (offset, (), message)


def test_list_after_a_dot_may_contain_calculations():
    assert shape(tree("a.[1 + b]"))[2][1][:2] == ("arithmetic", "add")
