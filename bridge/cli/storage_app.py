"""Commands `dead-letters` and `spool` with their options: access to the data stored on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.completion import mapping_names, stream_names
from bridge.cli.help_examples import epilog
from bridge.cli.options import ConfigFile, OfWorker  # noqa: TC001 - typer reads the annotations

letters = typer.Typer(no_args_is_help=True, help="What could not be delivered, and why; also while the bridge runs.")
spool = typer.Typer(no_args_is_help=True, help="The books, and whether the spool is whole; also while the bridge runs.")

Code = Annotated[str | None, typer.Option("--code", help="Only these, such as decode or transform.")]
OfMapping = Annotated[str | None, typer.Option("--mapping", help="Only of this mapping.", autocompletion=mapping_names)]
OfStream = Annotated[
    str | None, typer.Option("--stream", help="Only those that this stream went without.", autocompletion=stream_names)
]
OfTopic = Annotated[str | None, typer.Option("--topic", help="Only of topics with this in them.")]
Numbers = Annotated[list[int] | None, typer.Argument(help="As `list` has them.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]


@letters.command("list")
def list_letters(
    code: Code = None,
    mapping: OfMapping = None,
    stream: OfStream = None,
    topic: OfTopic = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, with payloads.")] = False,
    worker: OfWorker = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """List dead letters in the order they came, and count them by code."""
    from bridge.cli.commands.dead_letters import Filter  # noqa: PLC0415 - see the module
    from bridge.cli.commands.dead_letters import list_letters as run_list  # noqa: PLC0415 - see the module

    raise typer.Exit(run_list(config, Filter(code, mapping, stream, topic), worker, as_json=as_json))


@letters.command("show")
def show_letter(
    number: Annotated[int, typer.Argument(help="As `list` has it.")],
    worker: OfWorker = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Show all of one dead letter; `try --dead-letter` shows what the mappings make of it now."""
    from bridge.cli.commands.dead_letters import show_letter as run_show  # noqa: PLC0415 - see the module

    raise typer.Exit(run_show(config, number, worker))


@letters.command("replay")
def replay_letters(
    numbers: Numbers = None,
    code: Code = None,
    mapping: OfMapping = None,
    stream: OfStream = None,
    topic: OfTopic = None,
    all_: All = False,
    worker: OfWorker = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Put dead letters through the mappings in force; those that fail again stay, with the new reason."""
    from bridge.cli.commands.dead_letters import Filter  # noqa: PLC0415 - see the module
    from bridge.cli.commands.replay import DeadLetterSelection  # noqa: PLC0415 - see the module
    from bridge.cli.commands.replay import replay_letters as run_replay  # noqa: PLC0415 - see the module

    raise typer.Exit(
        run_replay(config, DeadLetterSelection(numbers or (), Filter(code, mapping, stream, topic), all_, worker))
    )


@letters.command("delete")
def delete_letters(
    numbers: Numbers = None,
    code: Code = None,
    mapping: OfMapping = None,
    stream: OfStream = None,
    topic: OfTopic = None,
    all_: All = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Without asking.")] = False,
    worker: OfWorker = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Delete dead letters for good; in the books they stay counted, and `deleted` tells."""
    from bridge.cli.commands.dead_letters import Filter  # noqa: PLC0415 - see the module
    from bridge.cli.commands.replay import DeadLetterSelection  # noqa: PLC0415 - see the module
    from bridge.cli.commands.replay import delete_letters as run_delete  # noqa: PLC0415 - see the module

    selection = DeadLetterSelection(numbers or (), Filter(code, mapping, stream, topic), all_, worker)
    raise typer.Exit(run_delete(config, selection, yes=yes))


@letters.command("export")
def export_letters(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    code: Code = None,
    mapping: OfMapping = None,
    stream: OfStream = None,
    topic: OfTopic = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets; else JSON lines.")] = False,
    worker: OfWorker = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Write dead letters to a file that only you can read, with payloads and reasons."""
    from bridge.cli.commands.dead_letters import Filter  # noqa: PLC0415 - see the module
    from bridge.cli.commands.export import export_letters as run_export  # noqa: PLC0415 - see the module

    raise typer.Exit(run_export(config, file, Filter(code, mapping, stream, topic), worker, as_csv=as_csv))


@spool.command("export")
def export_records(
    file: Annotated[Path, typer.Argument(help="The file to write (JSON lines); it must not be there yet.")],
    stream: Annotated[
        str | None, typer.Option("--stream", help="Only this queue, as `status` names it.", autocompletion=stream_names)
    ] = None,
    worker: OfWorker = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Write the records that wait to a file that only you can read."""
    from bridge.cli.commands.export import export_records as run_export  # noqa: PLC0415 - see the module

    raise typer.Exit(run_export(config, file, stream, worker))


@spool.command("status")
def spool_status(
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as one JSON object.")] = False,
    worker: OfWorker = None,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Tell the books per mapping and stream, and what waits; exit code 1 if they do not balance."""
    from bridge.cli.commands.spool import spool_status as run_status  # noqa: PLC0415 - see the module

    raise typer.Exit(run_status(config, worker, as_json=as_json))


@spool.command("verify")
def verify_spool(worker: OfWorker = None, config: ConfigFile = Path("bridge.yaml")) -> None:
    """Check the database itself, and the books against what is in it; exit code 1 if anything is wrong."""
    from bridge.cli.commands.spool import verify_spool as run_verify  # noqa: PLC0415 - see the module

    raise typer.Exit(run_verify(config, worker))


for _group, _prefix in ((letters, "dead-letters"), (spool, "spool")):
    for _command in _group.registered_commands:
        _command.epilog = epilog(f"{_prefix} {_command.name}")
