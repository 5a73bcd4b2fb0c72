"""Cache of the lookup tables and schema files of a job."""

import pytest

from bridge.mapping.loading.resources import NO_RESOURCES, load_resources
from bridge.web.jobs import resource_cache

HEAD = "topic: t\noutputs: [{data_stream: s}]\n"


def test_tables_are_loaded_once_and_again_when_they_change(tmp_path, monkeypatch):
    loads = []
    monkeypatch.setattr(
        resource_cache, "load_resources", lambda *args, **kw: loads.append(1) or load_resources(*args, **kw)
    )
    monkeypatch.setattr(resource_cache._Loaded, "found", None)
    (tmp_path / "tables").mkdir()
    file = tmp_path / "tables/assets.yaml"
    file.write_text("key: one\n")
    asked = {"folder": str(tmp_path), "mapping": "transform: lookup('assets', 'key')"}
    assert resource_cache.resources_of({**asked, "mapping": HEAD}).resources.tables == {}
    for _ in range(2):
        assert resource_cache.resources_of(asked).resources.tables == {"assets": {"key": "one"}}
    file.write_text("key: another\n")
    assert resource_cache.resources_of(asked).resources.tables == {"assets": {"key": "another"}}
    assert len(loads) == 2


@pytest.mark.parametrize("member", ["text", "mapping", "present"])
def test_resources_of_a_request_depend_on_each_of_its_texts(tmp_path, member):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/assets.yaml").write_text(f"key: {member}\n")
    asked = {"folder": str(tmp_path), member: "transform: lookup('assets', 'key')"}
    assert resource_cache.resources_of(asked).resources.tables == {"assets": {"key": member}}


@pytest.mark.parametrize("asked", [{}, {"text": HEAD}, {"old": "lookup('assets', 'key')", "new": ""}])
def test_resources_of_a_request_without_tables_are_not_loaded(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(resource_cache, "load_resources", lambda *_, **__: pytest.fail("loaded"))
    found = resource_cache.resources_of({"folder": str(tmp_path), **asked})
    assert (found.resources, found.problems) == (NO_RESOURCES, [])
