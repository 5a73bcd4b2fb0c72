"""Settings of the status page."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Address to listen on, and access rules. Without a token the page is read-only, and for this machine only."""

    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = field(default=None, repr=False)
    cert_file: str | None = None
    key_file: str | None = None
