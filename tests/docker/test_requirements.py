"""The pinned packages of the image and of the offline archive: their versions satisfy pyproject.toml."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.harness.bridge_process import ROOT

FOLDER = ROOT / "docker" / "requirements"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
NOT_FOR_USERS = {"test", "docs"}
DECLARED = {
    "build": PYPROJECT["build-system"]["requires"],
    "base": PROJECT["dependencies"],
    **{name: each for name, each in PROJECT["optional-dependencies"].items() if name not in NOT_FOR_USERS},
}


def locked(name):
    """Return the requirements in a file: the version and the number of hashes of each package."""
    text = (FOLDER / f"{name}.txt").read_text().replace("\\\n", " ")
    found = {}
    for line in filter(None, text.splitlines()):
        requirement, *hashes = re.split(r"\s+--hash=sha256:", line.strip())
        assert all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes)
        parsed = Requirement(requirement)
        found[canonicalize_name(parsed.name)] = parsed, len(hashes)
    return found


@pytest.mark.parametrize("name", DECLARED)
def test_requirements_have_every_package_within_its_bounds(name):
    packages = locked("base") | locked(name)
    for text in DECLARED[name]:
        wanted = Requirement(text)
        parsed, _ = packages[canonicalize_name(wanted.name)]
        (version,) = parsed.specifier
        assert version.operator == "=="
        assert version.version in wanted.specifier, f"{name}.txt: run make lock"


@pytest.mark.parametrize("name", DECLARED)
def test_requirements_have_a_hash_of_every_package(name):
    assert all(hashes for _, hashes in locked(name).values())


def test_requirements_have_a_file_for_each_extra_of_users():
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(DECLARED)


@pytest.mark.parametrize("name", DECLARED)
def test_requirements_name_no_host(name):
    assert "://" not in (FOLDER / f"{name}.txt").read_text()
