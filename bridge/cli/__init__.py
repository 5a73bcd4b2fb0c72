"""Command line `mqtt-kinesis`.

    app.py                the application: registers the commands, and turns errors into exit codes
    run_commands.py, setup_commands.py, verify_commands.py, operate_commands.py, aws_commands.py, storage_app.py
                          arguments, options and help text of each command, by group
    commands/             the work of each command, one file per command
    output/               printing: tables, JSON, problems, the full screen of `status --watch`
    options.py            options that several commands share
    verbosity.py          the options -v and -q before the name of a command
    help_groups.py        the groups of commands in --help
    help_examples.py      the examples in --help
    completion.py         shell completion of the names of mappings and streams
    failures.py           error message and exit code of a failed command

The function of a command in `commands/` returns the exit code, or raises an error that `failures.py` prints.

Exit codes:

    0     success
    1     failed
    2     invalid usage or configuration
    3     no bridge runs; for `prove`: the stream could not be checked
    4     no permission for the files of the bridge
    70    crashed; a process manager should start the bridge again
    130   interrupted by Ctrl-C or by a second signal
"""

import os
import signal
import sys

from bridge.runtime.exit_codes import INTERRUPTED


def end_at_once(_number: int, _frame: object) -> None:
    """End the process without any clean-up (signal handler)."""
    os._exit(INTERRUPTED)


def main() -> None:
    """Set up the process, run the command, and end with its exit code."""
    command = next((text for text in sys.argv[1:] if not text.startswith("-")), "")
    if command in {"run", "demo"} and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Later, these commands handle Ctrl-C themselves. Until then, no work can be lost, so Ctrl-C ends the process at
        # once. Python's default handler would raise KeyboardInterrupt in the middle of an import. Python may discard or
        # replace this exception, for example inside a finalizer. Then the bridge would continue to run, or report a
        # crash.
        signal.signal(signal.SIGINT, end_at_once)
    if command == "run":
        # SIGHUP requests a reload of the mappings. By default, SIGHUP would end the process. Ignore it until the class
        # `Signals` handles it. This loses nothing, because the start loads all mappings.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from bridge.runtime.process_memory import raise_gc_threshold  # noqa: PLC0415 - imported once the signals are set

    raise_gc_threshold()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # scanning all packages takes 20 ms
    from bridge.cli.app import main as run  # noqa: PLC0415 - its imports need the settings above

    run()
