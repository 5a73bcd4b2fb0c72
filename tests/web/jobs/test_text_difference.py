"""Job `diff`: the differences between two texts."""

import pytest

from bridge.web.jobs.text_difference import MAX_LINES, text_difference


def difference(old, new):
    asked = {"old": old, "new": new, "old_name": "before", "new_name": "after"}
    return text_difference(asked)["differences"].split("\n")


def test_text_difference_of_equal_texts_is_empty():
    assert difference("a\nb\n", "a\nb\n") == [""]
    assert difference("", "") == [""]


def test_text_difference_names_both_texts_and_the_changed_lines():
    assert difference("a\nb\n", "a\nc\n") == ["--- before", "+++ after", "@@ -1,2 +1,2 @@", " a", "-b", "+c"]


def test_text_difference_with_an_empty_text_has_all_lines():
    assert difference("", "x\ny")[2:] == ["@@ -0,0 +1,2 @@", "+x", "+y"]


@pytest.mark.parametrize(("extra", "last"), [(0, "+x"), (1, "... and 1 more lines")])
def test_text_difference_is_cut_only_beyond_its_limit(extra, last):
    # Three lines are the head of the difference.
    lines = difference("", "x\n" * (MAX_LINES - 3 + extra))
    assert (len(lines), lines[-1]) == (MAX_LINES + extra, last)
