"""Checks of name, port and TLS, in this order. The first failure shows what to fix: DNS, firewall or certificate."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.tools.doctor.finding import failed, well

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.tools.doctor.finding import Check, Finding

TIMEOUT_SECS = 5.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Endpoint to check. `context` creates the TLS context, None without TLS; `files` is the section with its files.

    `reach` fills `facts`.
    """

    check: Check
    subject: str
    host: str
    port: int
    context: Callable[[], ssl.SSLContext] | None = None
    files: str = "kinesis"
    facts: dict[str, Any] = field(default_factory=dict)


class _Blocked(Exception):
    """Failure of a step: its text, and what to do."""

    def __init__(self, said: str, advice: str) -> None:
        self.said, self.advice = said, advice
        super().__init__(said)


def reach(way: Endpoint) -> Iterator[Finding]:
    """Yield one finding: whether a connection is possible."""
    way.facts.update(host=way.host, port=way.port)
    try:
        said = _reached(way)
    except _Blocked as blocked:
        yield failed(way.check, way.subject, blocked.said, blocked.advice, way.facts)
    else:
        yield well(way.check, way.subject, said, way.facts)


def _reached(way: Endpoint) -> str:
    found, tls = _resolved(way), _context(way)
    began = time.monotonic()
    with _connected(way) as connection:
        millis = way.facts["connect_ms"] = round((time.monotonic() - began) * 1000, 1)
        said = f"{_shown(way.host, found)} port {way.port} answers in {millis:.0f} ms"
        return f"{said}, {_encrypted(way, connection, tls)}" if tls is not None else said


def _resolved(way: Endpoint) -> list[str]:
    try:
        found = sorted({str(each[4][0]) for each in socket.getaddrinfo(way.host, way.port, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError) as error:
        said = f"{way.host} has no address: {getattr(error, 'strerror', None) or error}"
        raise _Blocked(said, f"check the name, and that this machine's DNS may answer for {way.host}") from error
    way.facts["addresses"] = found
    return found


def _context(way: Endpoint) -> ssl.SSLContext | None:
    try:
        return way.context() if way.context is not None else None
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        wanted = (
            "the authority's certificate as PEM"
            if way.files == "kinesis"
            else "PEM files, a key with its own certificate"
        )
        advice = f"expected {wanted}, readable by this user: see {way.files}.ca_file"
        if way.files != "kinesis":
            advice += ", .cert_file, .key_file and .key_password"
        raise _Blocked(f"the files for TLS cannot be used: {_why(error)}", advice) from error


def _connected(way: Endpoint) -> socket.socket:
    try:
        return socket.create_connection((way.host, way.port), TIMEOUT_SECS)
    except ConnectionRefusedError as error:
        opening = f"open TCP port {way.port} to {way.host} in the firewall"
        advice = f"see that the server runs and listens there; if it does, {opening}"
        raise _Blocked(f"nothing answers on port {way.port} (connection refused)", advice) from error
    except OSError as error:
        why = "no answer" if isinstance(error, TimeoutError) else _why(error)
        raise _Blocked(f"port {way.port}: {why}", f"open TCP port {way.port} to {way.host} in the firewall") from error


def _encrypted(way: Endpoint, connection: socket.socket, context: ssl.SSLContext) -> str:
    try:
        with context.wrap_socket(connection, server_hostname=way.host) as secure:
            version = way.facts["tls"] = secure.version() or "TLS"
            return version
    except ssl.SSLCertVerificationError as error:
        raise _untrusted(way, error.verify_message) from error
    except (OSError, ValueError) as error:
        said = f"port {way.port} is open, and the TLS handshake fails: {_why(error)}"
        advice = "check that this port speaks TLS; or something on the way does not let it through"
        raise _Blocked(said, advice) from error


def _untrusted(way: Endpoint, message: str) -> _Blocked:
    said = f"the server's certificate is not trusted: {message}"
    if "mismatch" in message:
        return _Blocked(said, f"write the name that stands in the certificate in the place of {way.host}")
    if "expired" in message or "not yet valid" in message:
        return _Blocked(said, "look at this machine's clock; if it is right, the server's certificate must be renewed")
    whose = "the server's own, or that of a proxy which opens TLS"
    return _Blocked(said, f"give the authority that signed it as {way.files}.ca_file: {whose}")


def _shown(host: str, found: list[str]) -> str:
    """Return the addresses as text. Private addresses behind a public AWS name belong to a VPC endpoint."""
    private = all(ipaddress.ip_address(each.partition("%")[0]).is_private for each in found)
    inside = " (a VPC endpoint)" if private and ".amazonaws.com" in host else ""
    return ", ".join(found) + inside


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    name = f": {error.filename}" if isinstance(error, OSError) and error.filename else ""
    return f"{getattr(error, 'strerror', None) or str(error) or type(error).__name__}{name}"
