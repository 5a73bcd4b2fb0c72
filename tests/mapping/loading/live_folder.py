"""Mappings of a folder as the bridge runs them; started again with the same `tmp_path`, as after a restart."""

from bridge.mapping.loading.live_mappings import LiveMappings


def started(folder, tmp_path):
    mappings = LiveMappings(folder, tmp_path / "kept")
    mappings.reload()
    return mappings
