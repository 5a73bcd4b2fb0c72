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
from bridge.cli.failures import report_failure
from bridge.cli.help_examples import epilog
from bridge.cli.options import ConfigFile, WorkerOption  # noqa: TC001 - typer reads the annotations
from bridge.cli.storage_app import dead_letters, spool, state
from bridge.errors import BridgeError
from bridge.runtime.exit_codes import CRASHED, FAILED, INTERRUPTED

app = typer.Typer(
    name="mqtt-kinesis",
    help="MQTT to Amazon Kinesis Data Streams: mapped, spooled to disk, and accounted for.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(dead_letters, name="dead-letters")
app.add_typer(spool, name="spool")
app.add_typer(state, name="state")


def main() -> None:
    """Run the command. Every error becomes one readable message and its exit code."""
    try:
        app()
    except (BridgeError, PermissionError) as error:
        sys.exit(report_failure(error, as_json="--json" in sys.argv))
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
        int, typer.Option("--workers", min=0, max=64, help="Number of worker processes (0 = single process).")
    ] = 0,
) -> None:
    """Run the bridge until SIGTERM or Ctrl-C. SIGHUP reloads the mappings; a second signal ends it at once."""
    from bridge.cli.commands.run import run_bridge  # noqa: PLC0415 - see the module

    if dry_run and workers:
        raise typer.BadParameter("--dry-run runs in a single process: omit --workers")
    raise typer.Exit(run_bridge(config, dry_run=dry_run, workers=workers))


@app.command()
def init(
    url: Annotated[str, typer.Option("--url", help="Broker URL: mqtt://, mqtts:// (TLS), ws:// or wss://.")] = "",
    ca_file: Annotated[str, typer.Option("--ca-file", help="CA certificate of the broker (PEM), for TLS.")] = "",
    username: Annotated[
        str, typer.Option("--username", help="Broker user name. Password: prompt, or $MQTT_PASSWORD.")
    ] = "",
    client_id: Annotated[str, typer.Option("--client-id", help="MQTT client ID of the bridge.")] = "",
    region: Annotated[str, typer.Option("--region", help="The AWS region.")] = "",
    authentication: Annotated[
        str, typer.Option("--authentication", help="Type of AWS authentication, such as default or token.")
    ] = "",
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any option of bridge.yaml, such as mqtt.share=NAME; may be repeated."),
    ] = None,
    stream: Annotated[str, typer.Option("--stream", help="Data stream of the mappings.")] = "",
    listen_secs: Annotated[
        float | None, typer.Option("--listen-secs", min=0, help="Listen to the broker for this time; 0: do not listen.")
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", "-t", help="Topic filter to listen to (default: all topics).")
    ] = None,
    capture: Annotated[
        Path | None, typer.Option("--capture", help="Read a file of `capture` instead of listening.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept defaults, no prompts.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Create bridge.yaml and mappings from live broker traffic."""
    from bridge.cli.commands.init import InitOptions, init  # noqa: PLC0415 - see the module

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
        init(
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
    topic: Annotated[str, typer.Option("--topic", "-t", help="Topic of the message.")] = "",
    payload: Annotated[
        str, typer.Option("--payload", "-p", help="Payload of the message; '-' reads standard input.")
    ] = "-",
    dead_letter: Annotated[
        int | None,
        typer.Option("--dead-letter", min=1, help="Use the message of the dead letter with this number."),
    ] = None,
    worker: WorkerOption = None,
    config: ConfigFile = Path("bridge.yaml"),
    qos: Annotated[int, typer.Option(min=0, max=2, help="QoS of the message.")] = 1,
    retain: Annotated[bool, typer.Option("--retain", help="Treat the message as retained.")] = False,
) -> None:
    """Show what the mappings make of one message: every record, key and stream, or why there is none."""
    from bridge.cli.commands.try_message import try_dead_letter, try_message  # noqa: PLC0415 - see the module

    if bool(topic) == (dead_letter is not None):
        raise typer.BadParameter("give either --topic (and --payload) or --dead-letter NUMBER")
    if dead_letter is not None:
        raise typer.Exit(try_dead_letter(config, dead_letter, worker))
    raise typer.Exit(try_message(config, topic, payload, qos=qos, retain=retain))


class SchemaOf(StrEnum):
    """Names of the files that have a schema."""

    MAPPING = "mapping"
    BRIDGE = "bridge"


@app.command()
def schema(
    file: Annotated[SchemaOf, typer.Argument(help="mapping: files in mappings/; bridge: bridge.yaml.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the schema to this file.")] = None,
) -> None:
    """Print the JSON Schema of a file, for completion and validation in an editor."""
    from bridge.cli.commands.schema import write_schema  # noqa: PLC0415 - see the module

    raise typer.Exit(write_schema(file.value, output))


@app.command()
def functions(
    word: Annotated[str, typer.Argument(help="Name of a function, or a word such as concat.")] = "",
) -> None:
    """List the functions of expressions, or show those that a word leads to, with examples."""
    from bridge.cli.commands.functions import print_functions  # noqa: PLC0415 - see the module

    raise typer.Exit(print_functions(word))


@app.command()
def capture(
    file: Annotated[Path, typer.Argument(help="File to write (JSON lines); it must not exist.")],
    topic: Annotated[
        list[str] | None,
        typer.Option("--topic", "-t", help="Topic filter; may be repeated (default: the topics of the mappings)."),
    ] = None,
    secs: Annotated[float, typer.Option("--secs", min=0, help="Stop after this many seconds; 0: at Ctrl-C.")] = 60,
    messages: Annotated[int, typer.Option("--messages", min=1, help="Stop after this many messages.")] = 100_000,
    size: Annotated[str, typer.Option("--bytes", help="Stop before the file exceeds this size.")] = "100 MiB",
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Record field traffic to a file, for `diff` and `coverage`; the bridge's own session is not touched."""
    from bridge.cli.commands.capture import CaptureOptions, record_traffic  # noqa: PLC0415 - see the module

    raise typer.Exit(record_traffic(config, file, CaptureOptions(topic or (), secs, messages, size)))


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="Old mapping file or folder.")],
    new: Annotated[Path, typer.Argument(help="New mapping file or folder.")],
    capture: Annotated[Path, typer.Option("--capture", help="Recorded traffic (a file of `capture`).")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all differences as JSON lines, the totals last.")
    ] = False,
    show: Annotated[int, typer.Option("--show", min=0, help="Number of differing messages to show.")] = 10,
) -> None:
    """Compare the output of two versions of the mappings on recorded traffic; exit code 1 if it differs."""
    from bridge.cli.commands.diff import DiffOptions  # noqa: PLC0415 - see the module
    from bridge.cli.commands.diff import diff as run_diff  # noqa: PLC0415 - see the module

    raise typer.Exit(run_diff(old, new, capture, DiffOptions(as_json, show)))


@app.command()
def coverage(
    capture: Annotated[
        Path | None,
        typer.Option("--capture", help="Use recorded traffic (a file of `capture`) instead of the running bridge."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """List topics that no mapping matches, mappings that never matched, and silent mappings."""
    from bridge.cli.commands.coverage import coverage as run_coverage  # noqa: PLC0415 - see the module

    raise typer.Exit(run_coverage(config, capture, as_json=as_json))


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat every two seconds, until Ctrl-C.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Show the state of the running bridge: problems, session, spool, streams, ledger; exit code 1 if not OK.

    Exit code 3 if no bridge runs, 4 without permission.
    """
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
            "many the broker sends at once and queues. The broker drops messages beyond its limit, and counts them.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Check broker, AWS and disk, and show how to fix each problem; exit code 1 if a check fails.

    The command opens its own temporary sessions with the broker (client ID: mqtt.client_id with -doctor). They
    subscribe like the bridge for some seconds, and discard the messages. The bridge's session loses nothing. Nothing
    is published or sent without --publish and --send.
    """
    from bridge.cli.commands.doctor import doctor as run_doctor  # noqa: PLC0415 - see the module

    raise typer.Exit(run_doctor(config, send=send, publish=publish, as_json=as_json))


@app.command()
def prove(
    stream: Annotated[
        str, typer.Argument(help="Data stream of an output with `envelope: true`.", autocompletion=stream_names)
    ],
    manifests: Annotated[
        str, typer.Option("--manifests", help="Data stream of the manifests (default: kinesis.manifest.data_stream).")
    ] = "",
    region: Annotated[str, typer.Option("--region", help="Region of the stream (default: from the manifests).")] = "",
    role_arn: Annotated[
        str, typer.Option("--role-arn", help="Role to assume for reading (default: from the manifests).")
    ] = "",
    progress_file: Annotated[
        Path | None, typer.Option("--progress", help="File to continue from, and to save the progress to.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Check that a stream has every record its manifests cover: exit code 1 if not, 3 if it could not be checked."""
    from bridge.cli.commands.prove import prove as run_prove  # noqa: PLC0415 - see the module
    from bridge.tools.proof.reading import ProofRequest  # noqa: PLC0415 - as above

    request = ProofRequest(stream, manifests, region, role_arn, progress_file)
    raise typer.Exit(run_prove(config, request, as_json=as_json))


@app.command()
def policy(
    account: Annotated[str, typer.Option("--account", help="AWS account number (default: requested from AWS).")] = "",
    role: Annotated[str, typer.Option("--role", help="Print the policy of this role_arn of an output instead.")] = "",
    kms_key: Annotated[
        list[str] | None,
        typer.Option(
            "--kms-key", help="ARN of a key that encrypts streams, if AWS does not report it; may be repeated."
        ),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Send no request to AWS.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Print the least-privilege IAM policy for exactly these mappings."""
    from bridge.cli.commands.policy import PolicyOptions, option_error, print_policy  # noqa: PLC0415 - see the module

    if wrong := option_error(account, kms_key or ()):
        raise typer.BadParameter(wrong)
    raise typer.Exit(print_policy(config, PolicyOptions(account, role, tuple(kms_key or ()), offline)))


@app.command()
def demo(
    secs: Annotated[int, typer.Option("--secs", min=0, help="Stop after this many seconds; 0: at Ctrl-C.")] = 0,
) -> None:
    """Run a simulated factory, a broker, a local Kinesis and the bridge on this machine, without an account.

    The page is served on port 8080 or the next free one. The keys k, b and q cut Kinesis off, publish a bad message, and
    end the demo.
    """
    from bridge.cli.commands.demo import demo as run_demo  # noqa: PLC0415 - see the module

    raise typer.Exit(run_demo(secs))


for _command in app.registered_commands:
    _command.epilog = epilog(str(_command.name or getattr(_command.callback, "__name__", "")))
