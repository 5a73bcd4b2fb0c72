"""Shell completion for the names of mappings and data streams, from the mapping files of the configured folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer  # noqa: TC002 - typer reads the annotations

if TYPE_CHECKING:
    from bridge.mapping.mapping import Mapping


def mapping_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of mappings that begin with `incomplete`."""
    return [name for name in _mappings(ctx) if name.startswith(incomplete)]


def stream_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of data streams that begin with `incomplete`."""
    names = {output.data_stream for mapping in _mappings(ctx).values() for output in mapping.outputs}
    return sorted(name for name in names if name.startswith(incomplete))


def _mappings(ctx: typer.Context) -> dict[str, Mapping]:
    """Return the mappings that can be loaded. Errors are ignored, because completion cannot show a message."""
    from bridge.config import load_local_settings  # noqa: PLC0415 - only completion needs it
    from bridge.errors import BridgeError  # noqa: PLC0415 - as above
    from bridge.mapping.loading.mapping_loader import load_folder  # noqa: PLC0415 - as above

    try:
        folder = load_local_settings(Path(ctx.params.get("config") or "bridge.yaml"), os.environ).mappings
    except BridgeError:
        # If bridge.yaml cannot be read, use the default of its option `mappings`.
        folder = Path("mappings")
    return load_folder(folder, {}).mappings
