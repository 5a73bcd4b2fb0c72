import pytest

from tests.benchmarks.__main__ import SECTIONS, chosen


def test_words_choose_sections_by_a_part_of_their_names():
    assert chosen(["wide", "packing"]) == ["wide area", "packing"]
    assert chosen([]) == list(SECTIONS)


def test_word_that_is_in_no_name_ends_it_and_the_names_are_reported():
    with pytest.raises(SystemExit, match="no section 'widf'; there are: pipeline"):
        chosen(["wide", "widf"])
