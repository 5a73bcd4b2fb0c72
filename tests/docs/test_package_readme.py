import re

from tests.docs.package_readme import with_absolute_links
from tests.docs.pages import README


def test_links_to_files_become_absolute_and_others_stay():
    text = "![a page](docs/a.png) [b](docs/b.md#c) [d](#d) [e](https://example.org/e)"
    assert with_absolute_links(text, "https://host.example/us/it/", "1.2.3") == (
        "![a page](https://host.example/us/it/raw/v1.2.3/docs/a.png) "
        "[b](https://host.example/us/it/blob/v1.2.3/docs/b.md#c) [d](#d) [e](https://example.org/e)"
    )


def test_readme_of_a_package_has_no_relative_link():
    text = with_absolute_links(README.read_text(encoding="utf-8"), "https://host.example/us/it", "0.1.0")
    assert re.findall(r"\]\((?!https?://)[^)]*\)", text) == []
