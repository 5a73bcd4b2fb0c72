"""Pages whose commands can be run from the first to the last: the commands print the output that the page shows."""

import pytest

from tests.docs.pages import DOCS, PLAYED
from tests.docs.walkthrough import Walkthrough


@pytest.mark.parametrize("name", PLAYED)
def test_page_does_what_it_shows(name, tmp_path):
    folder = tmp_path / "plant"
    folder.mkdir()
    with Walkthrough(DOCS / name, folder) as page:
        assert page.play() > 0
