"""The command-line application: registers the commands by group, and turns errors into exit codes.

The docstring of a command is its text in `--help`. A command imports its code only when it is called, so that `--help`
does not wait for the import of boto3.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bridge import __version__
from bridge.cli.aws_commands import policy
from bridge.cli.failures import report_failure
from bridge.cli.help_examples import epilog
from bridge.cli.help_groups import AWS, OPERATE, RUN, SET_UP, VERIFY, CommandGroups
from bridge.cli.operate_commands import doctor, status, support_bundle
from bridge.cli.run_commands import demo, run
from bridge.cli.setup_commands import check, functions, init, schema, try_
from bridge.cli.storage_app import dead_letters, spool, state
from bridge.cli.verbosity import Quiet, Verbose, note_verbosity
from bridge.cli.verify_commands import capture, coverage, diff, prove
from bridge.errors import BridgeError
from bridge.runtime.exit_codes import CRASHED, FAILED, INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable

# Typer offers only --help by default.
HELP_OPTIONS: Final[dict[Any, Any]] = {"help_option_names": ["-h", "--help"]}
COMMANDS: Final[dict[str, dict[str, Callable[..., None]]]] = {
    SET_UP: {"init": init, "check": check, "try": try_, "schema": schema, "functions": functions},
    RUN: {"run": run, "demo": demo},
    OPERATE: {"status": status, "doctor": doctor, "support-bundle": support_bundle},
    VERIFY: {"capture": capture, "diff": diff, "coverage": coverage, "prove": prove},
    AWS: {"policy": policy},
}

app = typer.Typer(
    cls=CommandGroups,
    name="mqtt-kinesis",
    help="MQTT to Amazon Kinesis Data Streams: mapped, spooled to disk, and accounted for.",
    no_args_is_help=True,
    add_completion=True,
    # Typer's own report of a crash prints local variables, which may contain secrets.
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=HELP_OPTIONS,
)
for _group, _commands in COMMANDS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_group, epilog=epilog(_name))(_command)
app.add_typer(dead_letters, name="dead-letters", rich_help_panel=OPERATE)
app.add_typer(spool, name="spool", rich_help_panel=OPERATE)
app.add_typer(state, name="state", rich_help_panel=OPERATE)


def main() -> None:
    """Run the command, turn an error into one readable message, and end with the exit code."""
    try:
        app()
    except (BridgeError, PermissionError) as error:
        # Search the arguments for `--json`, because the error may have been raised before the options were parsed.
        sys.exit(report_failure(error, as_json="--json" in sys.argv))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of the output has closed the pipe (`| head`). At exit, Python flushes standard output, which would
        # fail again. Redirect standard output to /dev/null to prevent this error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except Exception:  # noqa: BLE001 - a process manager restarts the bridge after this exit code
        traceback.print_exc()
        sys.exit(CRASHED)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"mqtt-kinesis {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - `_version` prints it
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """MQTT to Amazon Kinesis Data Streams: mapped, spooled to disk, and accounted for."""
    note_verbosity(context, verbose=verbose, quiet=quiet)
