"""Commands for a running bridge: `status`, `doctor` and `support-bundle`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import ConfigFile  # noqa: TC001 - typer reads the annotations


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show the state every two seconds, until Ctrl-C.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Show the state of the running bridge: problems, session, spool, streams, ledger.

    Exit code: 1 if the state is not OK, 3 if no bridge runs, 4 if you may not read the bridge's files.
    """
    from bridge.cli.commands.status import status as run_status  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_status(config, as_json=as_json, watch=watch))


def doctor(
    send: Annotated[bool, typer.Option("--send", help="Send one test record to each stream.")] = False,
    publish: Annotated[
        bool,
        typer.Option(
            "--publish",
            help="Publish 1,200 small messages to mqtt-kinesis/doctor/CLIENT_ID-doctor, once or twice. They show how "
            "many unacknowledged messages the broker sends, and how many it queues. The broker drops the messages "
            "beyond its limit, and counts them.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with all findings.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Check broker, AWS and disk, and show how to fix each problem.

    The command opens its own temporary sessions with the broker. Their client ID is mqtt.client_id followed by
    -doctor. For some seconds, they subscribe to the topics of the mappings and discard the messages. The bridge's own
    session loses no message. Only --publish publishes messages, and only --send sends records.
    """
    from bridge.cli.commands.doctor import doctor as run_doctor  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_doctor(config, send=send, publish=publish, as_json=as_json))


def support_bundle(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File to write (default: mqtt-kinesis-support-TIME.tar.gz)."
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="Log file of the bridge (default: journal of its systemd unit)."),
    ] = None,
    doctor: Annotated[bool, typer.Option("--doctor/--no-doctor", help="Include the findings of `doctor`.")] = True,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Write an archive for a support ticket: configuration without secrets, status, metrics, log, versions, findings.

    Only you can read the file. If a part is not available, for example because the bridge does not run, the archive
    contains the reason.
    """
    from bridge.cli.commands.support_bundle import support_bundle as run_bundle  # noqa: PLC0415 - see app.py

    raise typer.Exit(run_bundle(config, output, log, doctor=doctor))
