"""Options of the commands `dead-letters`, `spool` and `state`, which show and change the data stored on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.completion import mapping_names, stream_names
from bridge.cli.help_examples import epilog
from bridge.cli.help_groups import CommandGroups
from bridge.cli.options import ConfigFile, WorkerOption, known_code

dead_letters = typer.Typer(
    cls=CommandGroups,
    no_args_is_help=True,
    help="Show, replay, delete and export dead letters, with or without a running bridge.",
)
spool = typer.Typer(
    cls=CommandGroups,
    no_args_is_help=True,
    help="Show the ledger, verify the spool and export its records, with or without a running bridge.",
)
state = typer.Typer(
    cls=CommandGroups,
    no_args_is_help=True,
    help="Show and clear the state of mappings (Sparkplug births, `changes`, `sample`), with or without a running "
    "bridge.",
)

Code = Annotated[
    str | None,
    typer.Option("--code", metavar="CODE", help="Filter by code, such as decode or transform.", callback=known_code),
]
MappingOption = Annotated[
    str | None, typer.Option("--mapping", metavar="NAME", help="Filter by mapping.", autocompletion=mapping_names)
]
StreamOption = Annotated[
    str | None, typer.Option("--stream", metavar="STREAM", help="Filter by target stream.", autocompletion=stream_names)
]
TopicOption = Annotated[str | None, typer.Option("--topic", metavar="TEXT", help="Filter by a part of the topic.")]
Numbers = Annotated[list[int] | None, typer.Argument(metavar="NUMBER", help="Numbers of dead letters (see `list`).")]
All = Annotated[bool, typer.Option("--all", help="Select all dead letters.")]


@dead_letters.command("list")
def list_dead_letters(
    code: Code = None,
    mapping: MappingOption = None,
    stream: StreamOption = None,
    topic: TopicOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line, with the payload.")] = False,
    worker: WorkerOption = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """List dead letters in order of arrival, with counts by code."""
    from bridge.cli.commands.dead_letters import DeadLetterFilter  # noqa: PLC0415 - see app.py
    from bridge.cli.commands.dead_letters import list_dead_letters as run_list  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_list(config, DeadLetterFilter(code, mapping, stream, topic), worker, as_json=as_json))


@dead_letters.command("show")
def show_dead_letter(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Number of a dead letter (see `list`).")],
    worker: WorkerOption = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Show one dead letter in full. `try --dead-letter` shows what the current mappings do with its message."""
    from bridge.cli.commands.dead_letters import show_dead_letter as run_show  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_show(config, number, worker))


@dead_letters.command("replay")
def replay_dead_letters(
    numbers: Numbers = None,
    code: Code = None,
    mapping: MappingOption = None,
    stream: StreamOption = None,
    topic: TopicOption = None,
    all_: All = False,
    worker: WorkerOption = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Replay dead letters through the active mappings. A dead letter that fails again stays, with the new reason."""
    from bridge.cli.commands.dead_letters import DeadLetterFilter  # noqa: PLC0415 - see app.py
    from bridge.cli.commands.replay import DeadLetterSelection  # noqa: PLC0415 - see app.py
    from bridge.cli.commands.replay import replay_dead_letters as run_replay  # noqa: PLC0415 - see app.py

    raise typer.Exit(
        run_replay(
            config, DeadLetterSelection(numbers or (), DeadLetterFilter(code, mapping, stream, topic), all_, worker)
        )
    )


@dead_letters.command("delete")
def delete_dead_letters(
    numbers: Numbers = None,
    code: Code = None,
    mapping: MappingOption = None,
    stream: StreamOption = None,
    topic: TopicOption = None,
    all_: All = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not prompt.")] = False,
    worker: WorkerOption = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Delete dead letters permanently. The ledger still counts them as dead letters, and also as `deleted`."""
    from bridge.cli.commands.dead_letters import DeadLetterFilter  # noqa: PLC0415 - see app.py
    from bridge.cli.commands.replay import DeadLetterSelection  # noqa: PLC0415 - see app.py
    from bridge.cli.commands.replay import delete_dead_letters as run_delete  # noqa: PLC0415 - see app.py

    selection = DeadLetterSelection(numbers or (), DeadLetterFilter(code, mapping, stream, topic), all_, worker)
    raise typer.Exit(run_delete(config, selection, yes=yes))


@dead_letters.command("export")
def export_dead_letters(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write; it must not exist.")],
    code: Code = None,
    mapping: MappingOption = None,
    stream: StreamOption = None,
    topic: TopicOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV for spreadsheets instead of JSON lines.")] = False,
    worker: WorkerOption = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Export dead letters to a file that only you can read, with payloads and reasons."""
    from bridge.cli.commands.dead_letters import DeadLetterFilter  # noqa: PLC0415 - see app.py
    from bridge.cli.commands.export import export_dead_letters as run_export  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_export(config, file, DeadLetterFilter(code, mapping, stream, topic), worker, as_csv=as_csv))


@spool.command("export")
def export_records(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write (JSON lines); it must not exist.")],
    stream: Annotated[
        str | None,
        typer.Option(
            "--stream",
            metavar="STREAM",
            help="Export only this queue (see `spool status`).",
            autocompletion=stream_names,
        ),
    ] = None,
    worker: WorkerOption = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Export the buffered records to a file that only you can read."""
    from bridge.cli.commands.export import export_records as run_export  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_export(config, file, stream, worker))


@spool.command("status")
def spool_status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    worker: WorkerOption = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Show the ledger by mapping and stream, and the buffered records. Exit code 1 if the ledger is not balanced."""
    from bridge.cli.commands.spool import spool_status as run_status  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_status(config, worker, as_json=as_json))


@spool.command("verify")
def verify_spool(worker: WorkerOption = None, config: ConfigFile = Path("bridge.yaml")) -> None:
    """Verify the database, and compare the ledger with its content. Exit code 1 if anything is wrong."""
    from bridge.cli.commands.spool import verify_spool as run_verify  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_verify(config, worker))


@state.command("list")
def list_states(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    worker: WorkerOption = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Show the size of the state of each mapping: number of keys, and bytes."""
    from bridge.cli.commands.state import list_states as run_list  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_list(config, worker, as_json=as_json))


@state.command("show")
def show_state(
    mapping: Annotated[str, typer.Argument(metavar="MAPPING", help="Name of a mapping.", autocompletion=mapping_names)],
    limit: Annotated[int, typer.Option("--limit", metavar="NUMBER", min=1, help="Maximum number of keys.")] = 50,
    worker: WorkerOption = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Show the keys and values in the state of a mapping, newest first. Exit code 1 if the mapping has no state."""
    from bridge.cli.commands.state import show_state as run_show  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_show(config, mapping, limit, worker))


@state.command("clear")
def clear_state(
    mapping: Annotated[str, typer.Argument(metavar="MAPPING", help="Name of a mapping.", autocompletion=mapping_names)],
    yes: Annotated[bool, typer.Option("--yes", help="Clear without a prompt.")] = False,
    worker: WorkerOption = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Clear the state of a mapping. `sample` first sends its stored records; Sparkplug requests a rebirth."""
    from bridge.cli.commands.state import clear_state as run_clear  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_clear(config, mapping, worker, yes=yes))


# Add the examples here. Otherwise, each decorator above would have to repeat the full name of its command.
for _group, _prefix in ((dead_letters, "dead-letters"), (spool, "spool"), (state, "state")):
    for _command in _group.registered_commands:
        _command.epilog = epilog(f"{_prefix} {_command.name}")
