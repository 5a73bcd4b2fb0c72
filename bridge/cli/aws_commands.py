"""Command about AWS: `policy`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import ConfigFile  # noqa: TC001 - typer reads the annotations


def policy(
    account: Annotated[
        str,
        typer.Option("--account", metavar="NUMBER", help="AWS account number (default: account of the credentials)."),
    ] = "",
    role: Annotated[
        str, typer.Option("--role", metavar="ARN", help="Print the policy of this role (role_arn of an output).")
    ] = "",
    kms_key: Annotated[
        list[str] | None,
        typer.Option(
            "--kms-key",
            metavar="ARN",
            help="ARN of a KMS key that encrypts streams, if AWS does not report the key; may be repeated.",
        ),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Send no request to AWS.")] = False,
    config: ConfigFile = Path("bridge.yaml"),
) -> None:
    """Print the least-privilege IAM policy for the mappings."""
    from bridge.cli.commands.policy import PolicyOptions, option_error, print_policy  # noqa: PLC0415 - see app.py

    if wrong := option_error(account, kms_key or ()):
        raise typer.BadParameter(wrong)
    raise typer.Exit(print_policy(config, PolicyOptions(account, role, tuple(kms_key or ()), offline)))
