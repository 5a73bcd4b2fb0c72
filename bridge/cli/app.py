"""Commands and their options. Each command imports its code when it is called: `--help` must not wait for boto3.

The docstrings of commands are the texts of `--help`.
"""

from __future__ import annotations

import os
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge import __version__
from bridge.cli.completion import stream_names
from bridge.cli.help_examples import epilog
from bridge.cli.options import ConfigFile, OfWorker  # noqa: TC001 - typer reads the annotations
from bridge.cli.storage_app import letters, spool
from bridge.errors import BridgeError, ConfigError
from bridge.runtime.exit_codes import CONFIGURATION, CRASHED, FAILED, INTERRUPTED
from bridge.terminal import print_error

app = typer.Typer(
    name="mqtt-kinesis",
    help="MQTT to Amazon Kinesis Data Streams: mapped, spooled to disk, and accounted for.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(letters, name="dead-letters")
app.add_typer(spool, name="spool")


def main() -> None:
    """Run the command. Every error becomes one readable message and its exit code."""
    try:
        app()
    except ConfigError as error:
        for problem in error.problems:
            print_error(problem)
        sys.exit(CONFIGURATION)
    except BridgeError as error:
        print_error(f"mqtt-kinesis: {error}")
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has closed it (`| head`). Python's own flush at the exit would fail again, so
        # standard output goes to /dev/null.
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
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """MQTT to Amazon Kinesis Data Streams: mapped, spooled to disk, and accounted for."""


@app.command()
def run(
    config: ConfigFile = Path("bridge.yaml"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print records instead of sending them.")] = False,
    workers: Annotated[
        int, typer.Option("--workers", min=0, max=64, help="So many processes that divide the messages; 0: one alone.")
    ] = 0,
) -> None:
    """Run the bridge until SIGTERM or Ctrl-C. SIGHUP reloads the mappings; a second signal ends it at once."""
    from bridge.cli.commands.run import run_bridge  # noqa: PLC0415 - see the module

    if dry_run and workers:
        raise typer.BadParameter("--dry-run is one process: leave --workers out")
    raise typer.Exit(run_bridge(config, dry_run=dry_run, workers=workers))


@app.command()
def init(
    url: Annotated[str, typer.Option("--url", help="The broker: mqtt://, mqtts:// (TLS), ws:// or wss://.")] = "",
    ca_file: Annotated[str, typer.Option("--ca-file", help="For TLS: the authority of the broker's certificate.")] = "",
    username: Annotated[str, typer.Option("--username", help="Its password is asked, or read of MQTT_PASSWORD.")] = "",
    client_id: Annotated[str, typer.Option("--client-id", help="The bridge's name at the broker.")] = "",
    region: Annotated[str, typer.Option("--region", help="The AWS region.")] = "",
    authentication: Annotated[
        str, typer.Option("--authentication", help="Who the bridge is to AWS: a type, such as default or token.")
    ] = "",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any option, as mqtt.share=NAME; may be repeated.")
    ] = None,
    stream: Annotated[str, typer.Option("--stream", help="The data stream of the mappings.")] = "",
    listen_secs: Annotated[
        float | None, typer.Option("--listen-secs", min=0, help="Listen so long to the broker; 0: not at all.")
    ] = None,
    topic: Annotated[list[str] | None, typer.Option("--topic", "-t", help="Listen to this; else to all.")] = None,
    capture: Annotated[
        Path | None, typer.Option("--capture", help="Instead of listening: a file of `capture`.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take the defaults.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Begin: write a bridge.yaml, and mappings for the topics and payloads that the broker has."""
    from bridge.cli.commands.init import InitOptions, begin  # noqa: PLC0415 - see the module

    given = {
        "mqtt.url": url,
        "mqtt.tls.ca_file": ca_file,
        "mqtt.username": username,
        "mqtt.client_id": client_id,
        "kinesis.region": region,
        "kinesis.authentication.type": authentication,
    }
    given = {name: value for name, value in given.items() if value}
    raise typer.Exit(
        begin(
            config,
            InitOptions(given, setting or (), stream, listen_secs, topic or ("#",), capture, yes=yes, force=force),
        )
    )


@app.command()
def check(config: ConfigFile = Path("bridge.yaml")) -> None:
    """Validate the configuration and the mappings, and run the mappings' own tests."""
    from bridge.cli.commands.check import check_all  # noqa: PLC0415 - see the module

    raise typer.Exit(check_all(config))


@app.command(name="try")
def try_(
    topic: Annotated[str, typer.Option("--topic", "-t", help="The message's topic.")] = "",
    payload: Annotated[str, typer.Option("--payload", "-p", help="Its payload; '-' reads standard input.")] = "-",
    dead_letter: Annotated[
        int | None,
        typer.Option("--dead-letter", min=1, help="Instead: the message of this dead letter, by its number."),
    ] = None,
    worker: OfWorker = None,
    config: ConfigFile = Path("bridge.yaml"),
    qos: Annotated[int, typer.Option(min=0, max=2, help="Its QoS.")] = 1,
    retain: Annotated[bool, typer.Option("--retain", help="As a retained message.")] = False,
) -> None:
    """Show what the mappings make of one message: every record, key and stream, or why there is none."""
    from bridge.cli.commands.try_message import try_letter, try_message  # noqa: PLC0415 - see the module

    if bool(topic) == (dead_letter is not None):
        raise typer.BadParameter("give either --topic (and --payload) or --dead-letter NUMBER")
    if dead_letter is not None:
        raise typer.Exit(try_letter(config, dead_letter, worker))
    raise typer.Exit(try_message(config, topic, payload, qos=qos, retain=retain))


class SchemaOf(StrEnum):
    """Names of the files that have a schema."""

    MAPPING = "mapping"
    BRIDGE = "bridge"


@app.command()
def schema(
    file: Annotated[SchemaOf, typer.Argument(help="mapping: files in mappings/; bridge: bridge.yaml.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
) -> None:
    """The JSON Schema of a file, by which an editor completes and checks it."""
    from bridge.cli.commands.schema import write_schema  # noqa: PLC0415 - see the module

    raise typer.Exit(write_schema(file.value, output))


@app.command()
def capture(
    file: Annotated[Path, typer.Argument(help="The file to write (JSON lines); it must not be there yet.")],
    topic: Annotated[
        list[str] | None,
        typer.Option("--topic", "-t", help="A topic filter; may be repeated. By default the mappings'."),
    ] = None,
    secs: Annotated[float, typer.Option("--secs", min=0, help="End after this many seconds; 0: at Ctrl-C.")] = 60,
    messages: Annotated[int, typer.Option("--messages", min=1, help="End after this many messages.")] = 100_000,
    size: Annotated[str, typer.Option("--bytes", help="End before the file is larger than this.")] = "100 MiB",
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Record field traffic to a file, for `diff` and `coverage`; the bridge's own session is not touched."""
    from bridge.cli.commands.capture import CaptureOptions, record_traffic  # noqa: PLC0415 - see the module

    raise typer.Exit(record_traffic(config, file, CaptureOptions(topic or (), secs, messages, size)))


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="The mapping file, or folder of them, as it was.")],
    new: Annotated[Path, typer.Argument(help="As it is to be.")],
    capture: Annotated[Path, typer.Option("--capture", help="The recorded traffic: a file of `capture`.")],
    as_json: Annotated[bool, typer.Option("--json", help="All differences as JSON lines, the sums last.")] = False,
    show: Annotated[int, typer.Option("--show", min=0, help="How many differing messages to show.")] = 10,
) -> None:
    """Show what a change of mappings changes on recorded traffic; exit code 0 if nothing, 1 if something."""
    from bridge.cli.commands.diff import DiffOptions  # noqa: PLC0415 - see the module
    from bridge.cli.commands.diff import diff as run_diff  # noqa: PLC0415 - see the module

    raise typer.Exit(run_diff(old, new, capture, DiffOptions(as_json, show)))


@app.command()
def coverage(
    capture: Annotated[
        Path | None,
        typer.Option("--capture", help="Of recorded traffic, a file of `capture`; else of the running bridge."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as one JSON object.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """List topics that no mapping matches, mappings that never matched, and mappings gone silent."""
    from bridge.cli.commands.coverage import coverage as run_coverage  # noqa: PLC0415 - see the module

    raise typer.Exit(run_coverage(config, capture, as_json=as_json))


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as one JSON object.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Every two seconds, until Ctrl-C.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Tell how the running bridge stands: session, spool, streams, books; exit code 1 if something is wrong."""
    from bridge.cli.commands.status import status as run_status  # noqa: PLC0415 - see the module

    raise typer.Exit(run_status(config, as_json=as_json, watch=watch))


@app.command()
def doctor(
    send: Annotated[bool, typer.Option("--send", help="Send one marked record to each stream.")] = False,
    publish: Annotated[
        bool,
        typer.Option(
            "--publish",
            help="Publish 1,200 small messages to mqtt-kinesis/doctor/CLIENT_ID-doctor, once or twice, to measure how "
            "many the broker hands over at once and keeps; what is beyond its limit it drops, and counts as dropped.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All findings as JSON.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Ask broker, AWS and disk whether the bridge can do its work, and say what to do; exit code 1 if it cannot.

    It has sessions of its own at the broker (mqtt.client_id with -doctor), which the broker forgets: they subscribe as
    the bridge does, take what comes for some seconds and throw it away. The bridge's session loses nothing. Nothing is
    published or sent without --publish and --send.
    """
    from bridge.cli.commands.doctor import doctor as run_doctor  # noqa: PLC0415 - see the module

    raise typer.Exit(run_doctor(config, send=send, publish=publish, as_json=as_json))


@app.command()
def prove(
    stream: Annotated[
        str, typer.Argument(help="The data stream, whose output has `envelope: true`.", autocompletion=stream_names)
    ],
    manifests: Annotated[str, typer.Option("--manifests", help="Their stream; else kinesis.manifest's.")] = "",
    region: Annotated[str, typer.Option("--region", help="Region of the stream; else as in the manifests.")] = "",
    role_arn: Annotated[str, typer.Option("--role-arn", help="Role to read it; else as in the manifests.")] = "",
    progress_file: Annotated[
        Path | None, typer.Option("--progress", help="File to continue from, and to save what was read.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The verdicts as JSON.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Check that a stream has every record its manifests cover: exit code 1 if not, 3 if it could not be checked."""
    from bridge.cli.commands.prove import prove as run_prove  # noqa: PLC0415 - see the module
    from bridge.tools.proof.reading import ProofRequest  # noqa: PLC0415 - as above

    request = ProofRequest(stream, manifests, region, role_arn, progress_file)
    raise typer.Exit(run_prove(config, request, as_json=as_json))


@app.command()
def policy(
    account: Annotated[str, typer.Option("--account", help="The AWS account's number; else AWS is asked.")] = "",
    role: Annotated[str, typer.Option("--role", help="Instead: the policy of this role_arn of an output.")] = "",
    kms_key: Annotated[
        list[str] | None,
        typer.Option("--kms-key", help="ARN of a key that encrypts streams, if AWS cannot be asked; may be repeated."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask AWS nothing.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Print the least-privilege IAM policy for exactly these mappings."""
    from bridge.cli.commands.policy import PolicyOptions, print_policy, well_formed  # noqa: PLC0415 - see the module

    if wrong := well_formed(account, kms_key or ()):
        raise typer.BadParameter(wrong)
    raise typer.Exit(print_policy(config, PolicyOptions(account, role, tuple(kms_key or ()), offline)))


@app.command()
def demo(
    secs: Annotated[int, typer.Option("--secs", min=0, help="End after this many seconds; 0: at Ctrl-C.")] = 0,
) -> None:
    """Everything on this machine, with no account and no broker: a factory, a broker, a Kinesis, the bridge."""
    from bridge.cli.commands.demo import demo as run_demo  # noqa: PLC0415 - see the module

    raise typer.Exit(run_demo(secs))


for _command in app.registered_commands:
    _command.epilog = epilog(str(_command.name or getattr(_command.callback, "__name__", "")))
