"""Options shared by several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from bridge.model import DeadLetterCode

ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config", "-c", metavar="FILE", envvar="MQTT_KINESIS_CONFIG", help="Configuration file.", show_default=True
    ),
]
WorkerOption = Annotated[
    int | None,
    typer.Option(
        "--worker",
        metavar="NUMBER",
        min=0,
        help="Number of a worker of `run --workers`; 0: the spool of a bridge without workers.",
    ),
]


Watch = Annotated[bool, typer.Option("--watch", help="Repeat at each change of a file, until Ctrl-C.")]


def known_code(code: str | None) -> str | None:
    """Return `code` unchanged if it is a code of dead letters or None. Raise BadParameter for any other text."""
    codes = sorted(get_args(DeadLetterCode))
    if code is not None and code not in codes:
        raise typer.BadParameter(f"no such code: {code}; expected one of {', '.join(codes)}")
    return code
