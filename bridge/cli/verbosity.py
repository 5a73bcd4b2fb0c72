"""The options -v and -q. Before the name of the command, as in `mqtt-kinesis -v capture`, they apply to any command."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import typer

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log at debug level (before any command).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Log errors and warnings only (before any command).")]


class Verbosity(NamedTuple):
    """Values of the options before the command."""

    verbose: bool = False
    quiet: bool = False

    def log_level(self, default: str) -> str:
        """Return the log level, or `default` if neither option was given."""
        return "debug" if self.verbose else "warning" if self.quiet else default


def note_verbosity(context: typer.Context, *, verbose: bool, quiet: bool) -> None:
    """Store the options for the command that follows. Raise BadParameter if both are given."""
    if verbose and quiet:
        raise typer.BadParameter("use --verbose or --quiet, not both")
    context.obj = Verbosity(verbose, quiet)


def verbosity(context: typer.Context) -> Verbosity:
    """Return the options that were given before the command of this context."""
    # The options are stored only if the callback of the application was called before.
    found = context.find_root().obj
    return found if isinstance(found, Verbosity) else Verbosity()
