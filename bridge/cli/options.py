"""Options shared by several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.", show_default=True)]
OfWorker = Annotated[
    int | None,
    typer.Option("--worker", min=0, help="Of `run --workers`: this one's spool; 0: of the bridge without workers."),
]
