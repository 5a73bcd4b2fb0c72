"""Command line `mqtt-kinesis`. Each command has one file, and returns its exit code.

    app.py                the application: groups of commands, exit codes after errors
    commands/             what each command does, one file each
    output/               how commands print
    run_commands.py, setup_commands.py, verify_commands.py, operate_commands.py, aws_commands.py, storage_app.py
                          options of the commands, by group
    options.py            options shared by several commands; verbosity.py: -v and -q
    help_groups.py        groups in --help; help_examples.py: examples
    completion.py         shell completion
    failures.py           end of a failed command

Exit codes:

0 OK · 1 failed · 2 configuration · 3 no bridge runs, or could not be checked · 4 no permission
70 crashed (a supervisor should restart) · 130 interrupted
"""

import os
import signal
import sys

from bridge.runtime.exit_codes import INTERRUPTED


def end_at_once(_number: int, _frame: object) -> None:
    """End the process as the handler of a signal."""
    os._exit(INTERRUPTED)


def main() -> None:
    """Run the command, and end with its exit code."""
    command = next((text for text in sys.argv[1:] if not text.startswith("-")), "")
    if command in {"run", "demo"} and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Outside the time in which these commands handle Ctrl-C themselves, no work can be lost, so it ends the process
        # at once. Python's KeyboardInterrupt would be raised within any import. Where Python calls a finalizer or
        # `__set_name__`, it discards or replaces the exception, and the bridge would run on or report a crash.
        signal.signal(signal.SIGINT, end_at_once)
    if command == "run":
        # SIGHUP means reload. Until `Signals` handles it, it would end the process. It can be ignored, because the
        # start loads all mappings.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from bridge.runtime.process_memory import raise_gc_threshold  # noqa: PLC0415 - imported once the signals are set

    raise_gc_threshold()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # the search for plug-ins scans all packages: 20 ms
    from bridge.cli.app import main as run  # noqa: PLC0415 - its imports need both settings above

    run()
