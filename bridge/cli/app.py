"""The application: its commands by group, and its exit codes after errors.

The docstrings of commands are the texts of `--help`. Each command imports its code when it is called, so that `--help`
does not wait for boto3.
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
    # Typer's own output of a crash shows local variables, which may be secrets.
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
    """Run the command. Every error becomes one readable message and its exit code."""
    try:
        app()
    except (BridgeError, PermissionError) as error:
        # The arguments are searched, because the error may precede their parsing or come from any command.
        sys.exit(report_failure(error, as_json="--json" in sys.argv))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of the output has closed it (`| head`). Python's flush at exit would fail again, so standard output
        # is redirected to /dev/null.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except Exception:  # noqa: BLE001 - a crash has its own exit code, so that a supervisor restarts
        traceback.print_exc()
        sys.exit(CRASHED)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"mqtt-kinesis {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """MQTT to Amazon Kinesis Data Streams: mapped, spooled to disk, and accounted for."""
    note_verbosity(context, verbose=verbose, quiet=quiet)
