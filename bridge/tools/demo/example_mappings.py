"""Example mappings of the demo. The user can edit a copy of them."""

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
        # Copy only the content and not the mode. The files of an installed package may be read-only, but the user edits
        # the copy.
        shutil.copyfile(file, copy / file.name)
    return copy
