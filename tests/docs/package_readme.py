"""Make the README's links absolute, for a package index: `python -m tests.docs.package_readme HOME FOLDER`.

FOLDER is a copy of the repository. HOME is the address of the repository at its host, which the project does not know.
Links to files become HOME/blob/vVERSION/PATH, images HOME/raw/vVERSION/PATH.
"""

import re
import sys
from pathlib import Path

from bridge import __version__

RELATIVE = re.compile(r"(?P<image>!?)\[(?P<label>[^\]]*)\]\((?![a-z]+:|#)(?P<path>[^)]+)\)")


def with_absolute_links(text: str, home: str, version: str) -> str:
    """Return the text with absolute links, which keep their anchors."""

    def absolute(link: re.Match) -> str:
        kind = "raw" if link["image"] else "blob"
        return f"{link['image']}[{link['label']}]({home.rstrip('/')}/{kind}/v{version}/{link['path']})"

    return RELATIVE.sub(absolute, text)


def main() -> None:
    home, folder = sys.argv[1], Path(sys.argv[2])
    file = folder / "README.md"
    file.write_text(with_absolute_links(file.read_text(encoding="utf-8"), home, __version__), encoding="utf-8")


if __name__ == "__main__":
    main()
