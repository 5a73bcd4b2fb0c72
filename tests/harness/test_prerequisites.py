import os
import shutil

import pytest

from tests.harness import prerequisites
from tests.harness.prerequisites import require, require_thin_links


@pytest.fixture(autouse=True)
def _on_a_developers_machine(monkeypatch):
    monkeypatch.delenv("CI", raising=False)


def test_fulfilled_requirement_does_nothing():
    require(fulfilled=True, reason="needs root")


def test_missing_requirement_skips_on_a_developers_machine():
    with pytest.raises(pytest.skip.Exception, match="needs root"):
        require(fulfilled=False, reason="needs root")


def test_missing_requirement_fails_in_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs root"):
        require(fulfilled=False, reason="needs root")


def test_missing_tool_fails_everywhere(monkeypatch):
    monkeypatch.setattr(prerequisites.sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda name, path: None if name == "tc" else f"/sbin/{name}")
    with pytest.raises(AssertionError, match="tc is missing: make iproute2"):
        require_thin_links()


def test_thin_links_need_root(monkeypatch):
    monkeypatch.setattr(prerequisites.sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda name, path: f"/sbin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(pytest.skip.Exception, match="needs root"):
        require_thin_links()


def test_kernel_without_thin_links_is_named_with_its_error(monkeypatch):
    monkeypatch.setattr(prerequisites.sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda name, path: f"/sbin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(prerequisites, "_thin_link_error", lambda: "ip netns add: Operation not permitted")
    with pytest.raises(pytest.skip.Exception, match="Operation not permitted"):
        require_thin_links()
