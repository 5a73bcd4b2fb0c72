"""Settings of the status page: the section `http` of bridge.yaml."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridge.yaml_files import Describe
from bridge.yaml_files.option_types import ExistingFile, Section

_MAX_PORT = 65_535
MIN_TOKEN_CHARS = 16
EXAMPLE_TOKEN = "change-me"  # noqa: S105 - a token that is not secret
"""First part of the token in the example manifest of Kubernetes, which everybody can read."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def _listen(text: str) -> str:
    host, separator, port = text.rpartition(":")
    # An IPv6 address contains colons, so it must be in brackets.
    bare = host.removeprefix("[").removesuffix("]")
    valid = separator and bare and (":" not in bare or host == f"[{bare}]") and not any(c.isspace() for c in host)
    if not valid or not (port.isascii() and port.isdigit() and len(port) <= len("65535") and int(port) <= _MAX_PORT):
        raise ValueError("expected host:port, such as 127.0.0.1:8080, 0.0.0.0:8080 (every interface) or '[::1]:8080'")
    return text


class HttpSettings(Section):
    """Address and protection of the status page, the metrics and the health checks."""

    listen: Annotated[str, AfterValidator(_listen), Describe("host:port, such as 127.0.0.1:8080")] = Field(
        default="127.0.0.1:8080", description="host and port of the page"
    )

    token: Annotated[SecretStr, Field(min_length=MIN_TOKEN_CHARS)] | None = Field(
        default=None,
        description="secret; users with this token may edit mapping files on the page, and replay and delete dead "
        "letters. This token or `view_token` is required if `listen` is not a loopback address. If one of them is set, "
        "all requests except health checks need a token",
    )
    view_token: Annotated[SecretStr, Field(min_length=MIN_TOKEN_CHARS)] | None = Field(
        default=None, description="secret; allows clients to read everything, and to change nothing"
    )
    cert_file: ExistingFile | None = Field(default=None, description="serve HTTPS with this certificate, PEM")
    key_file: ExistingFile | None = Field(default=None, description="the private key of `cert_file`, PEM")

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: set both, or neither")
        return self

    @model_validator(mode="after")
    def _token_beyond_loopback(self) -> Self:
        if not (self.token or self.view_token) and self.host not in LOOPBACK:
            raise ValueError(f"listening on {self.host}, beyond this machine, requires a token: set http.token")
        return self

    @model_validator(mode="after")
    def _tokens_are_safe(self) -> Self:
        # A token that was copied from the example protects nothing, because everybody can read the example.
        for name, token in (("token", self.token), ("view_token", self.view_token)):
            if token is not None and token.get_secret_value().startswith(EXAMPLE_TOKEN):
                raise ValueError(f"{name} is the example's token: replace it, for example with 'openssl rand -hex 16'")
        if self.token is not None and self.token == self.view_token:
            raise ValueError("token and view_token are the same, so all viewers could edit: choose different tokens")
        return self

    @property
    def host(self) -> str:
        """Host to listen on. An IPv6 address has no brackets."""
        return self.listen.rpartition(":")[0].removeprefix("[").removesuffix("]")

    @property
    def port(self) -> int:
        """Port to listen on; 0 means any free port."""
        return int(self.listen.rpartition(":")[2])
