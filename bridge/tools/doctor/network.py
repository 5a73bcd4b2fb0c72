"""Checks of one network endpoint: its name, its port and TLS, in this order.

The first step that fails shows what to fix: DNS, the firewall or the certificate.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.tools.doctor.finding import failed, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.tools.doctor.finding import Check, Finding

# Within this time, the kernel repeats a lost SYN packet twice (after 1 s and 3 s). If there is still no response, a
# firewall probably discards the packets.
TIMEOUT_SECS = 5.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Endpoint to check. `context` creates the TLS context. None means no TLS.

    `files` is the section of bridge.yaml that names the TLS files. `reach` stores what it measures in `facts`.
    """

    check: Check
    subject: str
    host: str
    port: int
    context: Callable[[], ssl.SSLContext] | None = None
    files: str = "kinesis"
    facts: dict[str, Any] = field(default_factory=dict)


class _CheckFailed(Exception):
    """Error for a failed step of the check. It has a message and the remedy."""

    def __init__(self, message: str, advice: str) -> None:
        self.message, self.advice = message, advice
        super().__init__(message)


def reach(endpoint: Endpoint) -> Iterator[Finding]:
    """Yield one finding on whether a connection to the endpoint is possible."""
    endpoint.facts.update(host=endpoint.host, port=endpoint.port)
    try:
        message = _reached(endpoint)
    except _CheckFailed as error:
        yield failed(endpoint.check, endpoint.subject, error.message, error.advice, endpoint.facts)
    else:
        yield ok(endpoint.check, endpoint.subject, message, endpoint.facts)


def _reached(endpoint: Endpoint) -> str:
    found, tls = _resolved(endpoint), _context(endpoint)
    began = time.monotonic()
    with _connected(endpoint) as connection:
        millis = endpoint.facts["connect_ms"] = round((time.monotonic() - began) * 1000, 1)
        message = f"{_shown(endpoint.host, found)} port {endpoint.port} connected in {millis:.0f} ms"
        return f"{message}, {_encrypted(endpoint, connection, tls)}" if tls is not None else message


def _resolved(endpoint: Endpoint) -> list[str]:
    try:
        found = sorted(
            {str(each[4][0]) for each in socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)}
        )
    # UnicodeError means that a label of the name is empty, or longer than 63 characters.
    except (OSError, UnicodeError) as error:
        message = f"cannot resolve {endpoint.host}: {getattr(error, 'strerror', None) or error}"
        raise _CheckFailed(
            message, f"check the name, and that this machine's DNS server resolves {endpoint.host}"
        ) from error
    endpoint.facts["addresses"] = found
    return found


def _context(endpoint: Endpoint) -> ssl.SSLContext | None:
    try:
        return endpoint.context() if endpoint.context is not None else None
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        expected = (
            "the CA certificate as PEM"
            if endpoint.files == "kinesis"
            else "PEM files, and a key that matches its certificate"
        )
        advice = f"expected {expected}, readable by this user: see {endpoint.files}.ca_file"
        if endpoint.files != "kinesis":
            advice += ", .cert_file, .key_file and .key_password"
        raise _CheckFailed(f"cannot use the TLS files: {_why(error)}", advice) from error


def _connected(endpoint: Endpoint) -> socket.socket:
    try:
        return socket.create_connection((endpoint.host, endpoint.port), TIMEOUT_SECS)
    except ConnectionRefusedError as error:
        opening = f"open TCP port {endpoint.port} to {endpoint.host} in the firewall"
        advice = f"check that the server runs and listens there; if it does, {opening}"
        raise _CheckFailed(f"port {endpoint.port}: connection refused", advice) from error
    except OSError as error:
        why = "no response" if isinstance(error, TimeoutError) else _why(error)
        raise _CheckFailed(
            f"port {endpoint.port}: {why}", f"open TCP port {endpoint.port} to {endpoint.host} in the firewall"
        ) from error


def _encrypted(endpoint: Endpoint, connection: socket.socket, context: ssl.SSLContext) -> str:
    try:
        with context.wrap_socket(connection, server_hostname=endpoint.host) as secure:
            version = endpoint.facts["tls"] = secure.version() or "TLS"
            return version
    except ssl.SSLCertVerificationError as error:
        raise _untrusted(endpoint, error.verify_message) from error
    except (OSError, ValueError) as error:
        message = f"port {endpoint.port} is open, but the TLS handshake fails: {_why(error)}"
        advice = "check that this port uses TLS; a firewall or proxy may also block it"
        raise _CheckFailed(message, advice) from error


def _untrusted(endpoint: Endpoint, message: str) -> _CheckFailed:
    message = f"the server's certificate is not trusted: {message}"
    # Search the text, because OpenSSL has different error codes for the mismatch of a host name and of an IP address.
    if "mismatch" in message:
        return _CheckFailed(message, f"use a name of the certificate instead of {endpoint.host}")
    if "expired" in message or "not yet valid" in message:
        return _CheckFailed(
            message, "check this machine's clock; if it is right, the server's certificate must be renewed"
        )
    whose = "the certificate of the server, or of a proxy that intercepts TLS"
    return _CheckFailed(message, f"set {endpoint.files}.ca_file to the CA certificate that signed {whose}")


def _shown(host: str, found: list[str]) -> str:
    """Return the addresses as text. If a public AWS name has private addresses, they belong to a VPC endpoint."""
    # An IPv6 address may end with `%` and the name of the interface.
    private = all(ipaddress.ip_address(each.partition("%")[0]).is_private for each in found)
    inside = " (a VPC endpoint)" if private and ".amazonaws.com" in host else ""
    return ", ".join(found) + inside


def _why(error: Exception) -> str:
    # OpenSSL's reason is an identifier such as WRONG_VERSION_NUMBER.
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    name = f": {error.filename}" if isinstance(error, OSError) and error.filename else ""
    return f"{getattr(error, 'strerror', None) or str(error) or type(error).__name__}{name}"
