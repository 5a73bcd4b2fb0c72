"""Selection of the spools that a command uses."""

import pytest

from bridge.cli.commands.spool_selection import select_spools, single_spool
from bridge.errors import BridgeError, UsageError
from tests.spool.builders import opened


def workers(path, *numbers):
    for number in numbers:
        opened(path / f"worker-{number}").close()


def test_spools_of_workers_are_selected_by_their_number(tmp_path):
    workers(tmp_path, 1, 2)
    assert list(select_spools(tmp_path, None)) == [1, 2]
    assert select_spools(tmp_path, 2) == {2: tmp_path / "worker-2"}
    assert single_spool(tmp_path, 2) == tmp_path / "worker-2"
    with pytest.raises(BridgeError, match="select one with --worker, one of 1, 2"):
        single_spool(tmp_path, None)
    with pytest.raises(UsageError, match=r"--worker 5: no spool in .*worker-5; expected one of 1, 2"):
        select_spools(tmp_path, 5)


def test_spool_of_one_worker_needs_no_number(tmp_path):
    workers(tmp_path, 3)
    assert single_spool(tmp_path, None) == tmp_path / "worker-3"


def test_spool_of_a_bridge_without_workers_is_number_0(tmp_path):
    opened(tmp_path).close()
    assert select_spools(tmp_path, None) == select_spools(tmp_path, 0) == {0: tmp_path}


def test_spool_that_is_missing_is_the_configured_folder(tmp_path):
    assert select_spools(tmp_path / "none", None) == {0: tmp_path / "none"}
    assert single_spool(tmp_path / "none", None) == tmp_path / "none"
