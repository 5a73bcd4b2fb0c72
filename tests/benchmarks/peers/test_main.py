import pytest

from tests.benchmarks.peers.__main__ import chosen
from tests.benchmarks.peers.peer import PEERS


def test_words_choose_peers_by_a_part_of_their_names():
    assert [peer.name for peer in chosen(["telegraf", "kpl"])] == ["the bridge, kpl", "Telegraf"]
    assert chosen([]) == list(PEERS)


def test_a_word_that_is_in_no_name_ends_it_and_the_names_are_told():
    with pytest.raises(SystemExit, match="no peer 'logstash'; there are: the bridge, plain"):
        chosen(["logstash"])
