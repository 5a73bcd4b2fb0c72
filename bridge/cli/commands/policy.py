"""Command `policy`: prints the least-privilege IAM policy that the mappings need."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.aws.iam_policy import MANAGED_KEY, MAX_SIZES, StreamUse, partition, policy, size_of, stream_arn
from bridge.config import load_settings
from bridge.config.authentication import AssumeRole
from bridge.errors import BridgeError, ConfigError, SendError, UsageError
from bridge.mapping.loading.mapping_loader import load_folder
from bridge.model import Destination
from bridge.runtime.assembly import publisher

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bridge.config import Settings
    from bridge.kinesis.publisher import KinesisPublisher, StreamDescription


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """Options of the command.

    `role` selects the identity that gets the policy: the role_arn of an output, or "" for the bridge itself.
    """

    account: str = ""
    role: str = ""
    kms_keys: tuple[str, ...] = ()
    offline: bool = False


def print_policy(config: Path, options: PolicyOptions) -> int:
    """Print the policy to standard output, and notes to standard error. Return 0.

    Raise ConfigError, UsageError for an unknown role, or BridgeError if AWS does not report the account.
    """
    settings = load_settings(config, os.environ)
    destinations = _destinations(settings)
    roles = sorted({each.role_arn for each in destinations} - {""})
    if options.role and options.role not in roles:
        expected = ", ".join(roles) or "none, because no output has a role"
        raise UsageError(f"--role {options.role}: no output has this role_arn; expected {expected}")
    lookup = _AccountLookup(settings, options)
    uses = [lookup.use(each) for each in destinations if each.role_arn == options.role]
    document = policy(uses, () if options.role else roles)
    print(json.dumps(document, indent=2))
    if too_large := _too_large(size_of(document)):
        lookup.notes.append(too_large)
    if roles and not options.role:
        commands = ", ".join(f"--role {role}" for role in roles)
        lookup.notes.append(f"outputs assume roles that need their own policies: {commands}")
    if not options.role and (note := _assumed_role_note(settings)):
        lookup.notes.append(note)
    for note in lookup.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0


def _too_large(size: int) -> str:
    """Return a note if the policy is too large for some kinds of IAM policies, otherwise ""."""
    too_small = [f"{kind} ({limit:,})" for kind, limit in MAX_SIZES.items() if size > limit]
    others = [kind for kind, limit in MAX_SIZES.items() if size <= limit]
    if not too_small:
        return ""
    what = f"attach it as {' or '.join(others)}" if others else "divide the streams among several roles (role_arn)"
    return f"the policy has {size:,} characters, too many for {', '.join(too_small)}: {what}"


def _assumed_role_note(settings: Settings) -> str:
    """Return a note on the role that `kinesis.authentication` assumes, or "" if it assumes no role."""
    authentication = settings.kinesis.authentication
    if not isinstance(authentication, AssumeRole):
        return ""
    actions = "sts:AssumeRole and sts:TagSession" if authentication.tags else "sts:AssumeRole"
    identity = f"the identity that assumes it (source: {authentication.source.type})"
    return (
        f"this is the policy of {authentication.role_arn}; the trust policy of this role, and the policy of "
        f"{identity}, must allow {actions}"
    )


def _destinations(settings: Settings) -> list[Destination]:
    """Return the streams of all outputs and the stream of the manifests, sorted and without repetitions."""
    loaded = load_folder(settings.mappings, {})
    if loaded.problems:
        raise ConfigError(loaded.problems)
    wanted = [output.destination for mapping in loaded.mappings.values() for output in mapping.outputs]
    if settings.kinesis.manifest:
        wanted.append(Destination(settings.kinesis.manifest.data_stream))
    found: dict[tuple[str, str, str], Destination] = {}
    for each in wanted:
        found.setdefault((each.data_stream, each.region, each.role_arn), each)
    return [found[key] for key in sorted(found)]


@dataclass(slots=True)
class _AccountLookup:
    """Lookup of ARNs in AWS. If AWS does not respond, the ARNs are composed from the options, and a note is added."""

    settings: Settings
    options: PolicyOptions
    notes: list[str] = field(default_factory=list)
    _publisher: KinesisPublisher | None = None

    def use(self, destination: Destination) -> StreamUse:
        """Return the ARNs of the stream and of its key. Raise BridgeError if the account is unknown."""
        described = self._described(destination)
        region = destination.region or self.settings.kinesis.region
        is_arn = destination.data_stream.startswith("arn:")
        # With --account, the ARN must contain the given account. AWS describes the stream in the account of the
        # credentials, which may be another account.
        other_account = self.options.account and not destination.role_arn
        arn = described.arn if described and described.arn and not other_account else ""
        if not arn:
            account = "" if is_arn else self._account(destination)
            arn = stream_arn(destination.data_stream, region, account)
        return StreamUse(arn, self._key(described, arn))

    def _described(self, destination: Destination) -> StreamDescription | None:
        """Return the description of a stream from AWS. If there is none, add a note and return None."""
        if self.options.offline:
            self._note("--offline: encryption of the streams is unknown; if they are encrypted, give --kms-key ARN")
            return None
        try:
            described = self._connected_publisher().describe(str(destination))
        except SendError as error:
            unknown = f"{destination.data_stream}: DescribeStreamSummary failed ({error})"
            self._note(f"{unknown}; if it is encrypted, give --kms-key ARN")
            return None
        if not described.described:
            self._note(f"{destination.data_stream}: not allowed to describe it; if it is encrypted, give --kms-key ARN")
        return described

    def _account(self, destination: Destination) -> str:
        """Return the account of a stream that is given by name.

        If an output has a role, return the account of the role: a role finds streams by name only in its own account.
        """
        if destination.role_arn:
            # The fifth part of any ARN is the account: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE.
            account = destination.role_arn.split(":")[4]
            if self.options.account not in {"", account}:
                self._note(f"{destination.role_arn} is of account {account}; --account does not apply to it")
            return account
        if self.options.account:
            return self.options.account
        if self.options.offline:
            raise UsageError("--offline needs --account: the ARNs of the streams contain the account number")
        try:
            return self._connected_publisher().whoami(str(destination)).split(":")[4]
        except SendError as error:
            unknown = f"AWS did not return the account number ({error})"
            raise BridgeError(f"{unknown}; give --account 123456789012") from error

    def _key(self, described: StreamDescription | None, arn: str) -> str:
        """Return the ARN of the KMS key for the policy, or "" if the policy needs no key or the key is unknown."""
        key = described.key_id if described else ""
        region, account = arn.split(":")[3:5]
        if self.options.kms_keys:
            return next((given for given in self.options.kms_keys if f":kms:{region}:" in given), "")
        # A policy needs no permission for the key that AWS manages.
        if not key or key == MANAGED_KEY or key.endswith(f":{MANAGED_KEY}"):
            return ""
        # A policy must contain the ARN of the key itself, but an alias does not contain this ARN.
        if "alias/" in key:
            self._note(f"{arn}: encrypted by {key}; a policy needs the key's own ARN: give --kms-key ARN")
            return ""
        return key if key.startswith("arn:") else f"arn:{partition(region)}:kms:{region}:{account}:key/{key}"

    def _connected_publisher(self) -> KinesisPublisher:
        if self._publisher is None:
            self._publisher = publisher(self.settings)
        return self._publisher

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def option_error(account: str, kms_keys: Iterable[str]) -> str:
    """Return a message if an option is invalid, otherwise ""."""
    if account and not (account.isascii() and account.isdigit() and len(account) == len("123456789012")):
        return f"--account {account}: expected an account number of 12 digits"
    wrong = [key for key in kms_keys if not key.startswith("arn:") or ":key/" not in key]
    return f"--kms-key {wrong[0]}: expected the ARN of a key: arn:aws:kms:REGION:ACCOUNT:key/ID" if wrong else ""
