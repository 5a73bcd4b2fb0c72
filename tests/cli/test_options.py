"""Options shared by several commands."""

from typing import get_args

import pytest
import typer

from bridge.cli.options import known_code
from bridge.model import DeadLetterCode


@pytest.mark.parametrize("code", [None, *get_args(DeadLetterCode)])
def test_code_of_dead_letters_is_accepted(code):
    assert known_code(code) is code


@pytest.mark.parametrize("code", ["", "Decode", "decode "])
def test_code_that_does_not_exist_is_refused_with_all_codes(code):
    with pytest.raises(typer.BadParameter, match=r"expected one of .*decode, .*transform"):
        known_code(code)
