"""Libraries of the page: each bundle has its licence, its version in the lock file, and a line in the documentation."""

import json
import re

import pytest

from tests.docs.pages import DOCS, ROOT

VENDOR = ROOT / "bridge" / "web" / "static" / "vendor"
BUNDLE = ROOT / "bridge" / "web" / "bundle"
SCRIPTS = sorted(VENDOR.glob("*.js"))
BANNER = re.compile(r"/\* (?P<title>[\w.]+) (?P<version>[\d.]+), licence (?P<licence>\S+): (?P<file>\S+) \*/")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda each: each.name)
def test_bundle_has_its_licence_and_is_documented(script):
    banner = BANNER.match(script.read_text(encoding="utf-8"))
    assert banner
    assert banner["file"] == f"{script.stem}.LICENSE.txt"
    assert "Permission is hereby granted" in (VENDOR / banner["file"]).read_text(encoding="utf-8")
    row = f"| {banner['title']} | {banner['version']} | {banner['licence']} | `{script.name}` |"
    assert row in (DOCS / "explanation" / "security.md").read_text(encoding="utf-8")


def test_vendor_folder_has_only_bundles_and_what_belongs_to_them():
    names = {script.stem for script in SCRIPTS}
    assert {each.name.split(".")[0] for each in VENDOR.iterdir()} == names
    assert names >= {"codemirror", "uplot"}


def test_bundled_packages_have_exact_and_locked_versions():
    wanted = json.loads((BUNDLE / "package.json").read_text())["devDependencies"]
    locked = json.loads((BUNDLE / "package-lock.json").read_text())["packages"]
    for name, version in wanted.items():
        assert re.fullmatch(r"[\d.]+", version), name
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in each for name, each in locked.items() if name)
