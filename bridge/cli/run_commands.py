"""Commands that run a bridge: `run` and `demo`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import ConfigFile  # noqa: TC001 - typer reads the annotations
from bridge.cli.verbosity import verbosity


class LogLevel(StrEnum):
    """Levels of the log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def run(
    context: typer.Context,
    config: ConfigFile = Path("bridge.yaml"),
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print records instead of sending them. Dead letters are printed to standard error."
        ),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", metavar="NUMBER", min=0, max=64, help="Number of worker processes (0 = single process)."
        ),
    ] = 0,
    log_level: Annotated[
        LogLevel | None,
        typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error (default: log.level)."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Same as --log-level debug.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Same as --log-level warning.")] = False,
) -> None:
    """Run the bridge until SIGTERM or Ctrl-C. A second signal ends it at once. SIGHUP reloads the mappings."""
    from bridge.cli.commands.run import run_bridge  # noqa: PLC0415 - see app.py

    if dry_run and workers:
        raise typer.BadParameter("--dry-run runs in a single process: omit --workers")
    # The same options may stand before the command: `mqtt-kinesis -v run`.
    before = verbosity(context)
    verbose, quiet = verbose or before.verbose, quiet or before.quiet
    # All three options set the log level, so only one of them may be given.
    levels = [*([log_level] if log_level else []), *([LogLevel.DEBUG] * verbose), *([LogLevel.WARNING] * quiet)]
    if len(levels) > 1:
        raise typer.BadParameter("give one of --log-level, --verbose and --quiet")
    level = levels[0].value if levels else None
    raise typer.Exit(run_bridge(config, dry_run=dry_run, workers=workers, log_level=level))


def demo(
    secs: Annotated[
        int, typer.Option("--secs", metavar="SECONDS", min=0, help="Stop after this many seconds; 0: at Ctrl-C.")
    ] = 0,
) -> None:
    """Run a simulated factory, a broker, a local Kinesis and the bridge on this machine, without an AWS account.

    The page is served on port 8080, or on the next free port. Press k to disconnect Kinesis, b to publish a message
    that no mapping can read, and q to end the demo.
    """
    from bridge.cli.commands.demo import demo as run_demo  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_demo(secs))
