"""Address of a broker, parsed from a URL in the setting `mqtt.url`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

ENCRYPTED: Final = frozenset({"mqtts", "wss"})
"""URL schemes that use TLS."""

# Default port of each URL scheme.
_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Address of one broker. `mqtt.url` may list several brokers."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the address in `url`. Raises ValueError if the host is missing or the scheme is not supported."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"expected mqtt://host, mqtts://host, ws://host or wss://host, found {url!r}")
        # `hostname` contains an IPv6 address without brackets. `authority` and `__str__` add the brackets again.
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
        """Host and port for an HTTP Host header. The scheme's default port is omitted."""
        # In a Host header, an IPv6 address must be in brackets (RFC 9110, section 7.2).
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"
