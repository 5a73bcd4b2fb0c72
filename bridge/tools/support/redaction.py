"""Removal of secrets, in two independent ways.

1. In the configuration, only known options that are not secret keep their values.
2. The values of all secrets, and user names and passwords in URLs, are removed from every text of the bundle.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from bridge.config import options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

REMOVED: Final = "(removed)"
SECRET_VARIABLES: Final = frozenset(
    {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HTTP_TOKEN", "MQTT_PASSWORD"}
)
"""Environment variables whose values are secrets even if no option refers to them."""
# Names of options whose values are secrets, or may contain secrets.
_NAMES: Final = (
    "password",
    "key_password",
    "token",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "proxy_url",
    "command",
)
_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")
# Minimum length of a secret in an unknown option.
_MIN_CHARS: Final = 4
# A password may contain `/`, `@` and `'`, although such a URL is invalid. So the user information ends at the last `@`
# before white space or a quotation mark. In JSON, the quotation mark of a password follows a backslash.
_USER_INFO: Final = re.compile(r"""(?<=://)(?:\\.|[^\s"\\])+(?=@)""")


class Redactor:
    """Redactor that removes the secrets of one configuration from texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        # A secret may contain another secret, so the longest is removed first.
        self._forms = sorted(forms, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """Return the text without any secret."""
        for form in self._forms:
            text = text.replace(form, REMOVED)
        return _USER_INFO.sub(REMOVED, text)


def secrets_in(data: Any, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets in a configuration and in the environment. In `data`, references are already replaced."""
    yield from (environ[name] for name in SECRET_VARIABLES & environ.keys())
    public = _public_options()
    for path, value in _leaves(data, ""):
        if path in public or value is None or is_reference(str(value)):
            continue
        # A short value of an unknown option is probably not a secret, and removing it would make texts unreadable.
        if path.rpartition(".")[2] in _NAMES or len(str(value)) >= _MIN_CHARS:
            yield from _with_password(str(value))


def without_secrets(data: Any, path: str = "") -> Any:
    """Return the configuration without secrets. References such as `${NAME}` stay, because they contain no secret."""
    if isinstance(data, dict):
        return {str(key): without_secrets(value, f"{path}.{key}" if path else str(key)) for key, value in data.items()}
    if isinstance(data, list):
        return [without_secrets(value, path) for value in data]
    if data is None or isinstance(data, bool) or path in _public_options():
        return data
    return data if is_reference(str(data)) else REMOVED


def is_reference(text: str) -> bool:
    """Return whether a value is a reference such as `${NAME}` or `${file:PATH}`.

    A reference with a default, such as `${NAME:-default}`, does not count, because the default may be a secret.
    """
    return _REFERENCE.fullmatch(text) is not None and ":-" not in text


def _public_options() -> set[str]:
    return {
        row.name
        for row in options()
        if row.name.rpartition(".")[2] not in _NAMES and not row.name.endswith("_password") and not row.secret
    }


def _leaves(data: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list):
        for value in data:
            yield from _leaves(value, path)
    elif not isinstance(data, bool):
        yield path, data


def _with_password(value: str) -> Iterator[str]:
    """Yield the value. If it is a URL with a password, also yield the password: other programs may log it alone."""
    yield value
    rest = value.partition("://")[2]
    # A password that is not percent-encoded may contain `@`, and so may the path of a URL.
    for user_info in {rest.partition("@")[0], rest.rpartition("@")[0]} if "@" in rest else ():
        password = user_info.partition(":")[2]
        yield from (password, unquote(password))


def _forms(secret: str) -> set[str]:
    """Return all forms in which a text may contain a secret: plain, in JSON, in a URL, and in Python's `repr`."""
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe=""),
            repr(secret)[1:-1]}  # fmt: skip
