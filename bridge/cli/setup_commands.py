"""Commands that create and check files: `init`, `check`, `try`, `schema`, `functions`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import ConfigFile, Watch, WorkerOption  # noqa: TC001 - typer reads the annotations
from bridge.cli.verbosity import verbosity


def init(
    context: typer.Context,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Broker URL: mqtt://, mqtts:// (TLS), ws:// or wss://.")
    ] = "",
    ca_file: Annotated[
        str, typer.Option("--ca-file", metavar="FILE", help="CA certificate of the broker (PEM), for TLS.")
    ] = "",
    username: Annotated[
        str, typer.Option("--username", metavar="NAME", help="Broker user name. Password: prompt, or $MQTT_PASSWORD.")
    ] = "",
    client_id: Annotated[str, typer.Option("--client-id", metavar="ID", help="MQTT client ID of the bridge.")] = "",
    region: Annotated[str, typer.Option("--region", metavar="REGION", help="The AWS region.")] = "",
    authentication: Annotated[
        str,
        typer.Option("--authentication", metavar="TYPE", help="Type of AWS authentication, such as default or token."),
    ] = "",
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any option of bridge.yaml, such as mqtt.share=NAME; may be repeated."
        ),
    ] = None,
    stream: Annotated[str, typer.Option("--stream", metavar="STREAM", help="Data stream of the mappings.")] = "",
    listen_secs: Annotated[
        float | None,
        typer.Option(
            "--listen-secs",
            metavar="SECONDS",
            min=0,
            help="Seconds to listen after the broker has accepted the subscription; 0: do not listen.",
        ),
    ] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option("--topic", "-t", metavar="FILTER", help="Topic filter to listen to (default: all topics)."),
    ] = None,
    capture: Annotated[
        Path | None,
        typer.Option("--capture", metavar="FILE", help="Read a file that `capture` wrote, instead of listening."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept defaults, no prompts.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Create bridge.yaml and mappings from live broker traffic."""
    from bridge.cli.commands.init import InitOptions, init  # noqa: PLC0415 - see app.py

    given = {
        "mqtt.url": url,
        "mqtt.tls.ca_file": ca_file,
        "mqtt.username": username,
        "mqtt.client_id": client_id,
        "kinesis.region": region,
        "kinesis.authentication.type": authentication,
    }
    # An option that was not given is "". The command prompts for its value.
    given = {name: value for name, value in given.items() if value}
    raise typer.Exit(
        init(
            config,
            InitOptions(
                given,
                setting or (),
                stream,
                listen_secs,
                topic or ("#",),
                capture,
                yes=yes,
                force=force,
                log_level=verbosity(context).log_level("warning"),
            ),
        )
    )


class CheckFormat(StrEnum):
    """Output formats of `check`."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"
    JUNIT = "junit"


def check(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="Check only these files or folders of mappings (default: the configuration and all mappings).",
        ),
    ] = None,
    form: Annotated[
        CheckFormat,
        typer.Option("--format", metavar="FORMAT", help="Format of the result: text, json, github, sarif or junit."),
    ] = CheckFormat.TEXT,
    watch: Watch = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print problems only.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Validate the configuration and the mappings, and run the tests in the mapping files."""
    from bridge.cli.commands.check import check_all  # noqa: PLC0415 - see app.py

    quiet = quiet or verbosity(context).quiet
    raise typer.Exit(check_all(config, files or (), form=form.value, watch=watch, quiet=quiet))


def try_(
    topic: Annotated[str, typer.Option("--topic", "-t", metavar="TOPIC", help="Topic of the message.")] = "",
    payload: Annotated[
        str, typer.Option("--payload", "-p", metavar="TEXT", help="Payload of the message; '-' reads standard input.")
    ] = "-",
    dead_letter: Annotated[
        int | None,
        typer.Option(
            "--dead-letter", metavar="NUMBER", min=1, help="Use the message of the dead letter with this number."
        ),
    ] = None,
    worker: WorkerOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    watch: Watch = False,
    config: ConfigFile = Path("bridge.yaml"),
    qos: Annotated[int, typer.Option("--qos", metavar="0|1|2", min=0, max=2, help="QoS of the message.")] = 1,
    retain: Annotated[bool, typer.Option("--retain", help="Treat the message as retained.")] = False,
) -> None:
    """Show what the mappings do with one message: each record with its key and stream, or why there is no record."""
    from bridge.cli.commands.try_message import TryOptions, try_dead_letter, try_message  # noqa: PLC0415 - see app.py

    # Exactly one of the two options must be given.
    if bool(topic) == (dead_letter is not None):
        raise typer.BadParameter("give either --topic (and --payload) or --dead-letter NUMBER")
    if dead_letter is not None:
        raise typer.Exit(try_dead_letter(config, dead_letter, worker, as_json=as_json, watch=watch))
    message = TryOptions(topic, payload, qos, retain)
    raise typer.Exit(try_message(config, message, as_json=as_json, watch=watch))


class SchemaOf(StrEnum):
    """Kinds of files that have a JSON Schema."""

    MAPPING = "mapping"
    BRIDGE = "bridge"


def schema(
    file: Annotated[
        SchemaOf, typer.Argument(metavar="mapping|bridge", help="mapping: files in mappings/; bridge: bridge.yaml.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the schema to this file.")
    ] = None,
) -> None:
    """Print the JSON Schema of a file, for completion and validation in an editor."""
    from bridge.cli.commands.schema import write_schema  # noqa: PLC0415 - see app.py

    raise typer.Exit(write_schema(file.value, output))


def functions(
    word: Annotated[str, typer.Argument(metavar="WORD", help="Name of a function, or a word such as concat.")] = "",
) -> None:
    """List the functions of expressions, or show the functions related to a word, with examples."""
    from bridge.cli.commands.functions import print_functions  # noqa: PLC0415 - see app.py

    raise typer.Exit(print_functions(word))
