"""Address of a broker: the parts of a URL in the setting `mqtt.url`."""

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
    """Address of one broker of the configured list."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the address in `url`, which has the scheme mqtt, mqtts, ws or wss and a host. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            # An IPv6 host loses its brackets in `hostname`; `authority` and `__str__` add them again.
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
        # A Host header needs the brackets of an IPv6 address (RFC 9110, 7.2).
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"
