"""Authentication `type: token`: an access key in the configuration, or in files that are read again after a change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.aws.client_factory import EndpointSettings


def load(settings: Mapping[str, Any], _endpoints: EndpointSettings, _session: Any) -> Any:
    """Return the access key and the session token. Each value is from the configuration or a file. Raise Refused."""
    from bridge.aws.credentials.credential_errors import InvalidCredentials  # noqa: PLC0415 - botocore is slow to import
    from bridge.aws.credentials.renewed_credentials import FetchedCredentials, RenewedCredentials  # noqa: PLC0415 - as above

    def fetch() -> FetchedCredentials:
        names = ("access_key_id", "secret_access_key", "session_token")
        try:
            return FetchedCredentials(*[_value(settings, name) for name in names])
        except InvalidCredentials as error:
            raise Refused("Credentials", str(error), "fix kinesis.authentication, or the files it names") from None

    credentials = RenewedCredentials("token", fetch)
    credentials.get_frozen_credentials()
    return credentials


def _value(settings: Mapping[str, Any], name: str) -> Any:
    file = settings.get(f"{name}_file")
    return settings.get(name) if file is None else read_secret(Path(file), f"{name}_file")


def read_secret(file: Path, option: str) -> str:
    """Return the text of a file without surrounding white space, such as the last newline. Raise Refused.

    `option` is the option that names the file, for error messages.
    """
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise Refused("Credentials", f"{option}: {file} cannot be read: {why}", f"fix {file}") from None
    if not text:
        raise Refused("Credentials", f"{option}: {file} is empty", f"write the value into {file}")
    return text
