import pytest

from bridge.config import load_settings
from bridge.errors import ConfigError, SpoolInUse
from bridge.runtime.assembly import assemble
from tests.harness.bridge_process import UNREACHABLE, write_configuration, write_mapping
from tests.integration.arrivals import TELEMETRY


def held(folder):
    """Return the text of each file in a folder by its name, except the lock file."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.suffix != ".lock")
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_second_bridge_on_a_spool_is_refused_before_it_writes(tmp_path):
    write_configuration(tmp_path, mappings={"press": TELEMETRY}, **UNREACHABLE)
    settings = load_settings(tmp_path / "bridge.yaml", {})
    first = assemble(settings)
    before = held(settings.spool.path)
    assert "in-force/mappings.json" in before
    write_mapping(tmp_path, "press", {**TELEMETRY, "topic": "elsewhere/#"})
    write_mapping(tmp_path, "other", {**TELEMETRY, "topic": "other/#"})
    with pytest.raises(SpoolInUse, match="in use by another bridge"):
        assemble(settings)
    assert held(settings.spool.path) == before
    first.stop(5)


def test_bridge_that_has_no_mapping_leaves_its_spool_to_the_next(tmp_path):
    write_configuration(tmp_path, mappings={"press": {"topic": "a"}}, **UNREACHABLE)
    settings = load_settings(tmp_path / "bridge.yaml", {})
    with pytest.raises(ConfigError, match="outputs"):
        assemble(settings)
    write_mapping(tmp_path, "press", TELEMETRY)
    assert assemble(settings).stop(5)
