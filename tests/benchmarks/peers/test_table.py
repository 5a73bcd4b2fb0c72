import re

import pytest

from tests.benchmarks.peers.catalogue import PEERS
from tests.benchmarks.peers.peer import NOT_FOUND
from tests.benchmarks.peers.scenes import SCENES, Outcome
from tests.benchmarks.peers.table import PAGE, PLACE, Entry, fate, markdown, with_table, write, written


def test_loss_stands_out_in_the_table_and_who_is_not_there_is_named():
    lost = outcome("killed", lost=1_234, duplicates=5)
    assert fate(lost) == "**1,234** / 5"
    text = markdown({"a script": entry("1.0", backlog=outcome("backlog"), killed=lost), "Vector": entry(NOT_FOUND)})
    assert "| a script | 1.0 | 12.0 |  | 5,000 | 50 | 1,000 | 4.0 | 3 |" in text
    assert "| a script | 0 / 0 |  | **1,234** / 5 |  |  |" in text
    assert "| Vector | not on the PATH |  |  |  |  |  |  |  |" in text


def test_table_that_was_written_is_read_again(tmp_path):
    file = tmp_path / "build" / "bench-peers.json"
    assert written(file) == {}
    entries = {"a script": entry("1.0", live=outcome("live", lost=3)), "Vector": entry(NOT_FOUND)}
    write(file, entries)
    assert written(file) == entries


def test_table_replaces_the_one_before():
    before = "# A\n<!-- peers -->\nold\n<!-- end -->\nrest\n"
    assert with_table(before, "| new |") == "# A\n<!-- peers -->\n\n| new |\n\n<!-- end -->\nrest\n"
    with pytest.raises(AssertionError, match="no position"):
        with_table("# A\n", "| new |")


def test_page_names_every_peer_and_that_the_bridge_lost_nothing():
    told = PLACE.search(PAGE.read_text(encoding="utf-8"))[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in told.splitlines() if line.startswith("|")]
    assert {peer.name for peer in PEERS} <= {row[0] for row in rows}
    fates = [row[1:] for row in rows if row[0].startswith("the bridge") and len(row) == 1 + len(SCENES)]
    assert len(fates) == 2
    assert all(re.fullmatch(r"0 / [\d,]+", each) for row in fates for each in row)


def outcome(scene, *, lost=0, duplicates=0):
    return Outcome("a script", scene, 1_000, lost, duplicates, 1_000, 4, 5_000.0, 50.0, 12.0)


def entry(version, **outcomes):
    return Entry(version, "a note", "2026-01-01T00:00:00+00:00", {"rate": 1_000}, 3.0, outcomes)
