"""Texts of the errors, which are printed for people, and their base classes, which decide how they are handled."""

import pytest

from bridge import errors
from bridge.errors import (
    BridgeError,
    ConfigError,
    DecodeError,
    OutcomeUnknown,
    Problem,
    Refused,
    SendError,
    Unavailable,
)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.yaml", 3, 7, "outputs.0", "unknown name"), "a.yaml:3:7: outputs.0: unknown name"),
        (Problem("a.yaml", 3, 7, "", "unknown name"), "a.yaml:3:7: unknown name"),
        (Problem("a.yaml", 0, 0, "", "cannot be read", "note"), "a.yaml: cannot be read"),
        (Problem("a.yaml", 0, 0, "outputs", "missing"), "a.yaml: outputs: missing"),
    ],
)
def test_problem_names_only_the_position_that_it_has(problem, text):
    assert str(problem) == text


def test_config_error_lists_all_problems_in_the_order_of_the_files():
    last, first = Problem("b.yaml", 1, 1, "", "second"), Problem("a.yaml", 10, 1, "", "first")
    middle = Problem("a.yaml", 10, 2, "", "middle")
    error = ConfigError(iter([last, middle, first]))
    assert error.problems == (first, middle, last)
    assert str(error) == "a.yaml:10:1: first\na.yaml:10:2: middle\nb.yaml:1:1: second"


def test_rejected_has_its_code_and_detail():
    error = DecodeError("no JSON")
    assert (error.code, error.detail, str(error)) == ("decode", "no JSON", "decode: no JSON")


def test_send_error_without_detail_is_its_code():
    assert str(SendError("AccessDenied", "")) == "AccessDenied"
    error = Refused("AccessDenied", "no permission", "add the permission")
    assert (str(error), error.hint) == ("AccessDenied: no permission", "add the permission")
    assert isinstance(OutcomeUnknown("Timeout", ""), Unavailable)


def test_errors_are_caught_as_bridge_errors():
    """Code that handles every error of the bridge catches BridgeError. Another class would end the process."""
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert len(classes) > 15
    assert all(issubclass(each, BridgeError) for each in classes)
