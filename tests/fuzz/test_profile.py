"""Rule of the fuzz tests: the profile decides how many examples they make."""

import re
from pathlib import Path

SETTINGS = re.compile(r"\bsettings\(")


def test_fuzz_tests_leave_the_number_of_examples_to_the_profile():
    # Settings that are made while `conftest.py` is imported are those of `make test`: the profile is not loaded yet. So
    # `make fuzz` would try a hundred examples. schemathesis needs settings, and makes them when its test runs.
    files = {file.name for file in Path(__file__).parent.glob("*.py") if SETTINGS.search(file.read_text())}
    assert files == {"test_api_description.py"}
