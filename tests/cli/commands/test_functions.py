import pytest

from bridge.cli.commands.functions import print_functions
from bridge.mapping.expressions.functions import FAMILIES, FUNCTIONS


def test_functions_without_a_word_lists_all_by_family(capsys):
    assert print_functions("") == 0
    lines = capsys.readouterr().out.splitlines()
    assert set(FAMILIES) <= set(lines)
    assert {line.split()[0] for line in lines if line.startswith("  ")} == set(FUNCTIONS)
    assert (
        "  zip               A list with the first elements of all arrays, a list with their second elements, and so on"
        in "\n".join(lines)
    )
    assert max(map(len, lines)) < 160


def test_functions_of_a_name_shows_signature_examples_and_origin(capsys):
    assert print_functions("split") == 0
    out = capsys.readouterr().out
    assert out.startswith("split(text, separator[, limit])\n    The list of the parts between the separators.")
    assert """    split('a-b-c', '-', `1`)  =>  ["a", "b-c"]\n    Defined by JMESPath Community.\n""" in out
    assert "\njoin(" not in out


@pytest.mark.parametrize(
    ("word", "first", "others"),
    [
        ("concat", "join('', [a, b]) joins texts; so does format('{}{}', a, b)", ["join(glue, texts)"]),
        ("substring", "slice(a, 0, 3) cuts a text", ["slice(subject, start[, end])"]),
        ("toUpper", "upper(a) is in upper case", ["upper(text)"]),
        ("base64", "base64(value)", []),
        ("UUID", "uuid5('url', a) makes a UUID of a name", ["uuid5(namespace, name)"]),
        ("remainder", "a % b is the remainder", ["modulo(a, b)"]),
        ("ieee", "bytes_to_float(bytes[, order])", []),
        ("time", "iso_time(epoch_ms[, zone])", ["epoch_ms(text[, zone])"]),
        (
            "date",
            "iso_time(a) converts milliseconds since 1970 to ISO 8601 text; epoch_ms() does the reverse",
            ["epoch_ms(text[, zone])"],
        ),
        (
            "unix",
            "iso_time(a * 1000) converts seconds since 1970 to ISO 8601 text; epoch_ms(a) / 1000 does the reverse",
            [],
        ),
        ("average", "avg(a) is the mean", ["avg(numbers)"]),
    ],
)
def test_functions_of_a_word_shows_advice_and_related_functions(capsys, word, first, others):
    assert print_functions(word) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == first
    assert set(others) <= set(lines)


def test_functions_of_an_unknown_word_fails(capsys):
    assert print_functions("teleport") == 1
    err = capsys.readouterr().err
    assert err.startswith("functions: no function matches 'teleport'. Try a word such as time, ")
    assert err.endswith("'mqtt-kinesis functions' lists all\n")


@pytest.mark.parametrize(
    "word",
    [
        "seconds",
        "unix",
        "celsius",
        "fahrenheit",
        "date",
        "hex",
        "average",
        "temperature",
        "convert",
        "percent",
        "rename",
        "boolean",
        "day",
    ],
)
def test_functions_of_a_technical_word_finds_something(capsys, word):
    assert print_functions(word) == 0
    assert capsys.readouterr().out


def test_functions_of_a_misspelt_word_shows_the_nearest(capsys):
    assert print_functions("celcius") == 1
    assert "did you mean celsius?" in capsys.readouterr().err


def test_functions_shows_a_link_of_the_documentation_as_plain_text(capsys):
    assert print_functions("unpack_tlv") == 0
    assert "in any order: see layouts (docs/reference/layouts.md)." in capsys.readouterr().out
