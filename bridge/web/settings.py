"""The settings of the page."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where to listen, and who may see and do what. Without a token all is read-only, for this machine."""

    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = field(default=None, repr=False)
    cert_file: str | None = None
    key_file: str | None = None
