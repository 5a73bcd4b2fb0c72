"""All settings of `bridge.yaml`. A change requires a restart; only mappings are reloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import Field

from bridge.config.kinesis import KinesisSettings  # noqa: TC001 - pydantic reads the annotations
from bridge.mqtt.settings import MqttSettings  # noqa: TC001 - pydantic reads the annotations
from bridge.spool.settings import SpoolSettings
from bridge.web.settings import HttpSettings
from bridge.yaml_files import parse_document, read_document, validate
from bridge.yaml_files.option_types import FromFolder, Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.yaml_files import Document

# Settings and LocalSettings share this field, so that all commands find the same folder.
_MAPPINGS = Field(default=Path("mappings"), description="folder of the mapping files; watched for changes")
S = TypeVar("S", "Settings", "LocalSettings")


class LogSettings(Section):
    """Format and level of the log."""

    format: Literal["text", "json"] = Field(default="text", description="`json`: one object a line")
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="minimum level that is logged"
    )


class Settings(Section):
    """All options."""

    # Only these two sections are required: the broker and the region have no usable default.
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
    """The settings for commands that read only local files. These commands must work without the bridge's secrets."""

    spool: SpoolSettings = SpoolSettings()
    mappings: FromFolder = _MAPPINGS


def load_settings(file: Path, environ: Mapping[str, str]) -> Settings:
    """Return the settings in `file`, with absolute paths. Raise ConfigError with all problems."""
    return _settings(read_document(file, substitute=True, environ=environ), file, Settings)


def load_local_settings(file: Path, environ: Mapping[str, str]) -> LocalSettings:
    """Return the local settings in `file`. Raise ConfigError with all problems of these settings.

    All other keys are ignored, even if they are wrong, or refer to missing variables and files.
    """
    only = LocalSettings.model_fields
    return _settings(read_document(file, substitute=True, environ=environ, only=only), file, LocalSettings)


def parse_settings(text: str, file: Path, environ: Mapping[str, str]) -> Settings:
    """Return the settings in `text`, as if `file` contained it. Raise ConfigError with all problems."""
    folder = file.absolute().parent
    return _settings(parse_document(text, str(file), substitute=True, environ=environ, base=folder), file, Settings)


def _settings(document: Document, file: Path, model: type[S]) -> S:
    folder = file.absolute().parent
    settings = validate(model, document, context={"folder": folder})
    # pydantic does not validate defaults, so the default paths are still relative.
    spool = settings.spool.model_copy(update={"path": folder / settings.spool.path})
    return settings.model_copy(update={"spool": spool, "mappings": folder / settings.mappings})
