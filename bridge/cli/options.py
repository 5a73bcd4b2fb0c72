"""Options shared by several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="Configuration file.", show_default=True)]
WorkerOption = Annotated[
    int | None,
    typer.Option("--worker", min=0, help="Number of the worker of `run --workers`; 0: the bridge without workers."),
]
