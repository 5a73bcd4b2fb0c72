"""Each example in the reference of errors: the wrong file has the printed error, and the corrected file has none."""

import pytest

from bridge.errors import ConfigError
from bridge.mapping.loading.mapping_loader import load_file
from tests.docs.check_errors import SECTIONS, fixed, names
from tests.mapping.test_broken import RESOURCES

FIXES = [name for fixes in SECTIONS.values() for name in fixes]


def problems(file):
    try:
        load_file(file, {}, RESOURCES)
    except ConfigError as error:
        return [problem.message for problem in error.problems]
    return []


@pytest.mark.parametrize("name", FIXES)
def test_fix_of_the_reference_loads(name, tmp_path):
    file = tmp_path / "mapping.yaml"
    file.write_text(fixed(name))
    found = problems(file)
    if name in SECTIONS["Tests of a mapping"] and name != "test_fails":
        # These examples show how tests are written. Whether the mapping fulfils them does not matter here.
        found = [message for message in found if not message.startswith("the test '")]
    assert found == []


def test_reference_contains_each_broken_file_once():
    assert sorted(FIXES) == sorted(names())
