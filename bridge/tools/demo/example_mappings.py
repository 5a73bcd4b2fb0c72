"""Example mappings: files of the package, and a copy that the user of the demo may edit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

EXAMPLES: Final = Path(__file__).parent / "mappings"


def copy_examples(folder: Path) -> Path:
    """Copy the example mappings to the new folder `folder`/mappings, and return it."""
    copy = folder / EXAMPLES.name
    copy.mkdir()
    for file in EXAMPLES.glob("*.yaml"):
        # Only the content is copied, not the mode: an installed package may be read-only, but the user edits the copy.
        shutil.copyfile(file, copy / file.name)
    return copy
