"""Broker addresses and the settings of the MQTT session."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

ENCRYPTED: Final = frozenset({"mqtts", "wss"})
"""URL schemes that use TLS."""

_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
"""Default port of each URL scheme."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Address of one broker of the configured list."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the address in `url`. Raises ValueError unless it is mqtt://, mqtts://, ws:// or wss:// and a host."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"expected mqtt://host, mqtts://host, ws://host or wss://host, found {url!r}")
        return cls(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], parts.path or "")

    @property
    def encrypted(self) -> bool:
        """True if the connection uses TLS."""
        return self.scheme in ENCRYPTED

    @property
    def websocket(self) -> bool:
        """True if the connection carries MQTT in WebSocket frames."""
        return self.scheme in ("ws", "wss")

    @property
    def authority(self) -> str:
        """Host and port as in a Host header, without the scheme's default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the CA certificate for the broker, and the client's certificate and key for mutual TLS."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: str | None = field(default=None, repr=False)

    def context(self) -> ssl.SSLContext:
        """Return a TLS context with these files.

        Raises OSError (with the file's name) or ssl.SSLError if a file is missing or is not of the expected kind.
        """
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if self.ca_file:
            # From Python 3.13 on, the default is strict conformity to RFC 5280. It refuses a CA certificate as plain
            # `openssl req -x509` issues it (no keyUsage), which is what a plant's own CA usually is. The signature, the
            # dates and the host name are verified as before.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.cert_file:
            # With an empty password, OpenSSL does not prompt for one on the terminal.
            key = str(self.key_file) if self.key_file else None
            context.load_cert_chain(str(self.cert_file), key, self.key_password or "")
        return context


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Settings of the MQTT session. Times are in seconds."""

    addresses: tuple[BrokerAddress, ...]
    client_id: str
    version_5: bool = True
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsFiles = field(default_factory=TlsFiles)
    keepalive_secs: int = 30
    session_expiry_secs: int = 604_800
    share: str | None = None
    receive_maximum: int = 65_535
    max_message_bytes: int = 10 * 1024 * 1024
    connect_timeout_secs: float = 5.0
    reconnect_max_secs: float = 60.0
    persistent: bool = True
    separate_filters: bool = False
    """Subscribe to overlapping filters one by one, instead of to one filter that covers them."""
