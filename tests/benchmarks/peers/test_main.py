import io

import pytest
from rich.console import Console

from tests.benchmarks.peers.__main__ import QUICK, chosen, measured, ordered
from tests.benchmarks.peers.catalogue import PEERS
from tests.benchmarks.peers.peer import NOT_FOUND


def test_words_choose_peers_by_a_part_of_their_names():
    assert [peer.name for peer in chosen(["telegraf", "kpl"])] == [
        "the bridge, kpl",
        "Telegraf",
        "Telegraf, AWS_MAX_ATTEMPTS=50",
    ]
    assert chosen([]) == list(PEERS)


def test_word_that_is_in_no_name_ends_it_and_the_names_are_reported():
    with pytest.raises(SystemExit, match="no peer 'logstash'; there are: the bridge, plain"):
        chosen(["logstash"])


def test_peer_that_is_not_on_the_path_is_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    [vector] = chosen(["vector"])
    said = Console(file=io.StringIO(), highlight=False)
    entry = measured(vector, ["backlog"], QUICK, said)
    assert (entry.version, entry.outcomes) == (NOT_FOUND, {})
    assert said.file.getvalue() == "Vector: not on the PATH (vector)\n"


def test_results_are_in_the_order_of_the_catalogue():
    assert list(ordered({"Vector": 1, "the bridge, plain": 2})) == ["the bridge, plain", "Vector"]
