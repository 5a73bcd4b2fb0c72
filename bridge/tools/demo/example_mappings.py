"""Example mappings of the package, and the copy of them that the user of the demo may edit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

EXAMPLES: Final = Path(__file__).parent / "mappings"


def copy_examples(folder: Path) -> Path:
    """Create the folder `folder`/mappings, copy the example mappings to it, and return its path."""
    copy = folder / EXAMPLES.name
    copy.mkdir()
    for file in EXAMPLES.glob("*.yaml"):
        # Only the content is copied, not the mode: an installed package may be read-only, but the user edits the copy.
        shutil.copyfile(file, copy / file.name)
    return copy
