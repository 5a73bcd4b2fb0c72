"""All settings of `bridge.yaml`. A change requires a restart; only mappings are reloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridge.config.field_types import GIB, MIB, ExistingFile, FromFolder, Section, Size, size_between
from bridge.config.kinesis import KinesisSettings  # noqa: TC001 - pydantic reads the annotations
from bridge.config.mqtt import MqttSettings  # noqa: TC001 - as above
from bridge.documents import Describe, parse_document, read_document, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.documents import Document

_MAX_PORT = 65_535
_MAPPINGS = Field(default=Path("mappings"), description="folder of the mapping files, watched")
LEAST_TOKEN_CHARS = 16
S = TypeVar("S", "Settings", "LocalSettings")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class SpoolSettings(Section):
    """Records on disk until Kinesis has accepted them."""

    path: FromFolder = Field(default=Path("data"), description="folder of the database and of quarantined spools")
    max_bytes: Annotated[Size, size_between(16 * MIB)] = Field(
        default=2 * GIB, ge=16 * MIB, description="maximum size on disk"
    )
    when_full: Literal["block", "drop_oldest"] = Field(
        default="block",
        description="`block`: pause reading (back-pressure), the broker queues the rest; `drop_oldest`: drop and count",
    )
    min_free_bytes: Annotated[Size, size_between(0)] = Field(
        default=64 * MIB,
        ge=0,
        description="free disk space, whichever program uses the disk; below it, the spool counts as full",
    )
    max_age_secs: int | None = Field(
        default=None, ge=60, description="older records are dropped and counted; by default none are"
    )
    max_dead_letter_bytes: Annotated[Size, size_between(MIB)] = Field(
        default=256 * MIB,
        ge=MIB,
        description="beyond it, the oldest dead letters are evicted, counted and logged",
    )
    fresh_bytes: Annotated[Size, size_between(0, GIB)] = Field(
        default=16 * MIB,
        ge=0,
        le=GIB,
        description="memory for new records, so that they need not be read from disk",
    )


def _listen(text: str) -> str:
    host, separator, port = text.rpartition(":")
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

    token: Annotated[SecretStr, Field(min_length=LEAST_TOKEN_CHARS)] | None = Field(
        default=None,
        description="secret; allows the page to replay and delete; required for everything but the health checks, and "
        "to listen beyond this machine",
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
        if self.token is None and self.host not in LOOPBACK:
            raise ValueError(f"listening on {self.host}, beyond this machine, requires a token: set http.token")
        return self

    @property
    def host(self) -> str:
        """The host without the brackets of an IPv6 address."""
        return self.listen.rpartition(":")[0].removeprefix("[").removesuffix("]")

    @property
    def port(self) -> int:
        """The port; 0 means any free port."""
        return int(self.listen.rpartition(":")[2])


class LogSettings(Section):
    """Format and level of the log."""

    format: Literal["text", "json"] = Field(default="text", description="`json`: one object a line")
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="minimum level that is logged"
    )


class Settings(Section):
    """All options."""

    mqtt: MqttSettings
    kinesis: KinesisSettings
    spool: SpoolSettings = SpoolSettings()
    mappings: FromFolder = _MAPPINGS
    http: HttpSettings | None = Field(
        default=HttpSettings(), description="the status page, the metrics and the health checks; `null` turns them off"
    )
    log: LogSettings = LogSettings()
    stop_secs: float = Field(default=10, ge=1, le=600, description="maximum time for a clean stop")


class LocalSettings(Section):
    """The settings for commands that only read local files, and must not need the bridge's secrets."""

    spool: SpoolSettings = SpoolSettings()
    mappings: FromFolder = _MAPPINGS


def load_settings(file: Path, environ: Mapping[str, str]) -> Settings:
    """Return the settings in `file`, with absolute paths. Raises ConfigError with all problems."""
    return _settings(read_document(file, substitute=True, environ=environ), file, Settings)


def load_local_settings(file: Path, environ: Mapping[str, str]) -> LocalSettings:
    """Return the local settings in `file`. Other keys may be wrong or refer to missing variables and files.

    Raises ConfigError with all problems.
    """
    only = LocalSettings.model_fields
    return _settings(read_document(file, substitute=True, environ=environ, only=only), file, LocalSettings)


def parse_settings(text: str, file: Path, environ: Mapping[str, str]) -> Settings:
    """Return the settings in `text`, as if it were the content of `file`. Raises ConfigError with all problems."""
    folder = file.absolute().parent
    return _settings(parse_document(text, str(file), substitute=True, environ=environ, base=folder), file, Settings)


def _settings(document: Document, file: Path, model: type[S]) -> S:
    folder = file.absolute().parent
    settings = validate(model, document, context={"folder": folder})
    # The defaults are not validated, so they are still relative.
    spool = settings.spool.model_copy(update={"path": folder / settings.spool.path})
    return settings.model_copy(update={"spool": spool, "mappings": folder / settings.mappings})
