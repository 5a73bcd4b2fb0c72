"""Limits of decoding and of results that are those of libraries: the page docs/reference/limits.md states them."""

import json
from pathlib import Path

import pytest

from tests.mapping.builders import applied, mapping, message

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "limits.md"
ROWS = [line.split("|")[1:4] for line in PAGE.read_text().splitlines() if line.startswith("|")]


def limit_of(what):
    (row,) = [row for row in ROWS if row[0].strip() == what]
    return row[1].strip()


def nested(levels):
    return b"[" * levels + b"]" * levels


def codes(made, payload):
    return [rejection.code for rejection in applied(made, message(payload)).rejections]


def test_json_is_nested_as_deep_as_the_reference_states():
    assert limit_of("levels of a JSON payload") == "1,024"
    assert codes(mapping(), nested(1024)) == []
    assert codes(mapping(), nested(1025)) == ["decode"]


def test_result_is_nested_as_deep_as_the_reference_states():
    assert limit_of("levels of a transform's result") == "254"
    assert codes(mapping(transform="payload"), nested(254)) == []
    assert codes(mapping(transform="payload"), nested(255)) == ["transform"]


@pytest.mark.parametrize(("value", "found"), [(2**64 - 1, []), (2**64, ["transform"]), (-(2**63) - 1, ["transform"])])
def test_integers_of_a_result_have_64_bits(value, found):
    step = 1 if value > 0 else -1
    made = mapping(transform="sum(payload)")
    assert codes(made, json.dumps([value - step, step]).encode()) == found
