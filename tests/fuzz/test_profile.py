"""Rule for fuzz tests: the profile determines the number of examples."""

import re
from pathlib import Path

SETTINGS = re.compile(r"\bsettings\(")


def test_fuzz_tests_leave_the_number_of_examples_to_the_profile():
    # When `conftest.py` is imported, the profile is not loaded yet. Settings that are created then have a hundred
    # examples even in `make fuzz`. The settings of schemathesis are created when its test runs, so they are right.
    files = {file.name for file in Path(__file__).parent.glob("*.py") if SETTINGS.search(file.read_text())}
    assert files == {"test_api_description.py"}
