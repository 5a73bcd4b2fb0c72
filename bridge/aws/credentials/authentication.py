"""Authentication type with its settings, from `kinesis.authentication`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.aws.credentials.local_sources import shared_files

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Authentication:
    """Authentication `type`, and its settings by their names in the configuration.

    `source` provides the credentials with which the type `assume_role` assumes its role.
    """

    type: str = "default"
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    source: Authentication | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of the files with credentials. The bridge detects changes of these files, so it needs no restart."""
        named = [Path(value) for name, value in self.settings.items() if name.endswith("_file")]
        shared = shared_files() if self.type in ("default", "profile") else ()
        return (*named, *shared, *(self.source.files if self.source else ()))
