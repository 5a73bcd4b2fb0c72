import pytest

from bridge.mapping.expressions.syntax.token_reader import ParserError, TokenReader, unclosed_bracket


class Reader(TokenReader):
    """A reader whose `expression` reads one token. A variable is `(name, binding)`."""

    def expression(self, least):
        token = self.advance()
        return (token.value, self.binding_of(token.value)) if token.kind == "variable" else (token.value, least)


def test_reader_advances_over_all_tokens_to_the_end():
    reader = Reader("a . b")
    assert [reader.advance().value for _ in range(3)] == ["a", ".", "b"]
    assert (reader.kind, reader.token.start) == ("eof", 5)


def test_peek_beyond_the_end_returns_the_last_token():
    reader = Reader("a.b")
    assert [reader.peek(distance).value for distance in (0, 1, 2, 3, 99)] == ["a", ".", "b", "", ""]
    reader.advance()
    assert reader.peek(-1).value == "a"


def test_match_of_another_kind_fails_without_reading():
    reader = Reader("a b")
    assert reader.match("number", "unquoted_identifier").value == "a"
    with pytest.raises(ParserError) as caught:
        reader.match("dot", "colon")
    assert (caught.value.token.value, caught.value.expected, reader.token.value) == ("b", ("dot", "colon"), "b")


def test_fail_is_about_the_current_token_unless_one_is_given():
    reader = Reader("a b")
    first = reader.advance()
    with pytest.raises(ParserError, match="wrong") as caught:
        reader.fail(message="wrong")
    assert (caught.value.token.value, caught.value.message, caught.value.expected) == ("b", "wrong", ())
    with pytest.raises(ParserError) as caught:
        reader.fail(token=first)
    assert caught.value.token is first


def test_bindings_are_those_of_the_innermost_scope():
    class Nested(Reader):
        def expression(self, least):
            if self.token.value == "in":
                self.advance()
                return self.within({"a": self.new_binding()})
            return super().expression(least)

    reader = Nested("$a $b in $a $a $b")
    outer = {"a": reader.new_binding(), "b": reader.new_binding()}
    assert reader.within(outer) == ("a", 0)
    assert reader.expression(0) == ("b", None)
    assert (reader.expression(0), reader.bindings) == (("a", 2), 3)
    assert reader.within(outer) == ("a", 0)
    assert reader.within(outer) == ("b", 1)


def test_located_stores_the_offset_of_the_node():
    reader, node = Reader("a"), {"type": "field"}
    assert reader.located(node, 7) is node
    assert reader.starts[id(node)] == 7


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", None),
        ("a", None),
        ("(a)", None),
        ("(a", 0),
        ("f(g(a)", 1),
        ("f(g(a", 3),
        ("a[?b > c", 1),
        ("{a: [b]", 0),
        ("a[]", None),
        ("(a +", None),
        ("(a]", 0),
        ("a)", None),
        ("[?(a]", 2),
    ],
)
def test_unclosed_bracket_is_the_innermost_after_an_operand(text, offset):
    found = unclosed_bracket(text)
    assert (found and found.start) == offset
