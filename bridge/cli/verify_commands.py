"""Commands that verify mappings and streams: `capture`, `diff`, `coverage`, `prove`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.completion import stream_names
from bridge.cli.options import ConfigFile  # noqa: TC001 - typer reads the annotations
from bridge.cli.verbosity import verbosity


def capture(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write (JSON lines); it must not exist.")],
    topic: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            "-t",
            metavar="FILTER",
            help="Topic filter to record; may be repeated (default: the topics of the mappings).",
        ),
    ] = None,
    secs: Annotated[
        float, typer.Option("--secs", metavar="SECONDS", min=0, help="Stop after this many seconds; 0: at Ctrl-C.")
    ] = 60,
    messages: Annotated[
        int, typer.Option("--messages", metavar="NUMBER", min=1, help="Stop after this many messages.")
    ] = 100_000,
    size: Annotated[
        str, typer.Option("--bytes", metavar="SIZE", help="Stop before the file exceeds this size.")
    ] = "100 MiB",
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Record live traffic to a file, for `diff` and `coverage`, without affecting the session of the bridge."""
    from bridge.cli.commands.capture import CaptureOptions, record_traffic  # noqa: PLC0415 - see app.py

    options = CaptureOptions(topic or (), secs, messages, size, verbosity(context).log_level("warning"))
    raise typer.Exit(record_traffic(config, file, options))


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Old mapping file or folder.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="New mapping file or folder.")],
    capture: Annotated[
        Path, typer.Option("--capture", metavar="FILE", help="Recorded traffic: a file that `capture` wrote.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every differing message as a JSON line, and then the totals.")
    ] = False,
    show: Annotated[
        int, typer.Option("--show", metavar="NUMBER", min=0, help="Maximum number of differing messages to show.")
    ] = 10,
) -> None:
    """Map recorded traffic with two versions of the mappings, and show where the results differ.

    Exit code 1 if they differ.
    """
    from bridge.cli.commands.diff import DiffOptions  # noqa: PLC0415 - see app.py
    from bridge.cli.commands.diff import diff as run_diff  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_diff(old, new, capture, DiffOptions(as_json, show)))


def coverage(
    capture: Annotated[
        Path | None,
        typer.Option(
            "--capture",
            metavar="FILE",
            help="Examine recorded traffic (a file that `capture` wrote) instead of the running bridge.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """List topics that no mapping matches, mappings that never matched, and mappings whose messages stopped."""
    from bridge.cli.commands.coverage import coverage as run_coverage  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_coverage(config, capture, as_json=as_json))


def prove(
    stream: Annotated[
        str,
        typer.Argument(
            metavar="STREAM", help="Data stream of an output with `envelope: true`.", autocompletion=stream_names
        ),
    ],
    manifests: Annotated[
        str,
        typer.Option(
            "--manifests",
            metavar="STREAM",
            help="Data stream of the manifests (default: kinesis.manifest.data_stream).",
        ),
    ] = "",
    region: Annotated[
        str, typer.Option("--region", metavar="REGION", help="Region of the stream (default: from the manifests).")
    ] = "",
    role_arn: Annotated[
        str, typer.Option("--role-arn", metavar="ARN", help="Role to assume for reading (default: from the manifests).")
    ] = "",
    progress_file: Annotated[
        Path | None,
        typer.Option(
            "--progress",
            metavar="FILE",
            help="Continue from the progress in this file, and save progress to it.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Check that a stream contains every record that its manifests cover.

    Exit code 1 if a fault is found, 3 if the streams cannot be read or there are no manifests.
    """
    from bridge.cli.commands.prove import prove as run_prove  # noqa: PLC0415 - see app.py
    from bridge.tools.proof.proof_reading import ProofRequest  # noqa: PLC0415 - as above

    request = ProofRequest(stream, manifests, region, role_arn, progress_file)
    raise typer.Exit(run_prove(config, request, as_json=as_json))
