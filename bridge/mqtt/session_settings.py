"""Where a broker is, and what the session with it looks like."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

ENCRYPTED: Final = frozenset({"mqtts", "wss"})
"""The schemes with TLS."""

_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """One broker of the list."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raise ValueError on what is not mqtt://, mqtts://, ws:// or wss://."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"expected mqtt://host, mqtts://host, ws://host or wss://host, found {url!r}")
        return cls(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], parts.path or "")

    @property
    def encrypted(self) -> bool:
        """TLS."""
        return self.scheme in ENCRYPTED

    @property
    def websocket(self) -> bool:
        """MQTT in WebSocket frames."""
        return self.scheme in ("ws", "wss")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files: the authority that signed the broker's certificate, and the client's own for mutual TLS."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: str | None = field(default=None, repr=False)

    def context(self) -> ssl.SSLContext:
        """Raises OSError (with the file's name) or ssl.SSLError where a file is missing or is not what it should be."""
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if self.cert_file:
            # A password given as "" keeps OpenSSL from asking for one on the terminal.
            key = str(self.key_file) if self.key_file else None
            context.load_cert_chain(str(self.cert_file), key, self.key_password or "")
        return context


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The MQTT session. Times in seconds."""

    addresses: tuple[Address, ...]
    client_id: str
    version_5: bool = True
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = field(default_factory=Tls)
    keepalive_secs: int = 30
    session_expiry_secs: int = 604_800
    share: str | None = None
    receive_maximum: int = 65_535
    max_message_bytes: int = 10 * 1024 * 1024
    connect_timeout_secs: float = 5.0
    reconnect_max_secs: float = 60.0
    persistent: bool = True
