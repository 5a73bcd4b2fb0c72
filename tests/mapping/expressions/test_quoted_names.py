import pytest

from bridge.mapping.expressions.quoted_names import QuotedName, compared_names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('unit == "F"', [("F", 8, False)]),
        ('a[?"unit" != b]', [("unit", 3, False)]),
        ('"F" < unit && a > "G"', [("F", 0, False), ("G", 18, False)]),
        ('contains(payload.units, "F")', [("F", 24, False)]),
        ('unit == "flow-rate"', [("flow-rate", 8, True)]),
        ('unit == "größe"', [("größe", 8, True)]),
        ('unit == "\\u0046"', [("F", 8, False)]),
        ('"a" == "b"', [("a", 0, False), ("b", 7, False)]),
        ('map(&(@ == "x"), l)', [("x", 11, False)]),
    ],
)
def test_compared_names_in_double_quotes_are_found(text, found):
    assert compared_names(text) == [QuotedName(*each) for each in found]


@pytest.mark.parametrize(
    "text",
    [
        "unit == 'F'",
        "unit == F",
        "\"flow-rate\" == 'x'",
        '"flow-rate" > `5`',
        'payload."flow-rate" == b',
        'length("a")',
        '"a" || "b"',
        '"a" + b',
        '{"a-b": x} | [?"a-b" == y]',
        'not_null("a", `1`)',
        "a == '\"F\"'",
    ],
)
def test_compared_names_that_are_probably_fields_are_not_found(text):
    assert compared_names(text) == []
