"""Names, ports and TLS, one after the other: the first that fails is what to ask a firewall or a certificate about."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from typing import TYPE_CHECKING

from bridge.doctor.findings import failed, well

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.doctor.findings import Check, Finding

TIMEOUT_SECS = 5.0
_MISMATCH = "mismatch"


def reach(
    check: Check, subject: str, host: str, port: int, context: Callable[[], ssl.SSLContext] | None
) -> Iterator[Finding]:
    """Whether it can be connected to; `context` where it speaks TLS."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        found = sorted({str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
    except OSError as error:
        advice = f"check the name, and that this machine's DNS may answer for {host}"
        yield failed(check, subject, f"{host} has no address: {error.strerror or error}", advice)
        return
    at = {"host": host, "port": port, "addresses": found}
    try:
        tls = context() if context is not None else None
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        advice = (
            "expected PEM files that this user may read: ca_file, and cert_file with its own key_file and key_password"
        )
        yield failed(check, subject, f"the files for TLS cannot be used: {_why(error)}", advice, at)
        return
    began = time.monotonic()
    try:
        with socket.create_connection((host, port), TIMEOUT_SECS) as connection:
            millis = round((time.monotonic() - began) * 1000, 1)
            said = f"{place} ({_shown(host, found)}), {millis:.0f} ms"
            if tls is None:
                yield well(check, subject, said, {**at, "connect_ms": millis})
                return
            with tls.wrap_socket(connection, server_hostname=host) as secure:
                yield well(
                    check, subject, f"{said}, {secure.version()}", {**at, "connect_ms": millis, "tls": secure.version()}
                )
    except (OSError, ValueError) as error:
        said, advice = _trouble(error, host, port)
        yield failed(check, subject, f"{place}: {said}", advice, at)


def _shown(host: str, found: list[str]) -> str:
    """Private addresses behind a public name of AWS are those of a VPC endpoint."""
    private = all(ipaddress.ip_address(each.partition("%")[0]).is_private for each in found)
    inside = " - a VPC endpoint" if private and ".amazonaws.com" in host else ""
    return ", ".join(found) + inside


def _trouble(error: Exception, host: str, port: int) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error, host)
    if isinstance(error, ssl.SSLError):
        advice = f"check that port {port} speaks TLS, and whether it wants a client certificate (cert_file, key_file)"
        return f"no TLS: {_why(error)}", advice
    if isinstance(error, ConnectionRefusedError):
        advice = (
            f"see that the server runs and listens there; if it does, open TCP port {port} to {host} in the firewall"
        )
        return "nothing answers there (connection refused)", advice
    return _why(error), f"open TCP port {port} to {host} in the firewall"


def _untrusted(error: ssl.SSLCertVerificationError, host: str) -> tuple[str, str]:
    said = f"the certificate is not trusted: {error.verify_message}"
    if _MISMATCH in error.verify_message:
        return said, f"write the name that stands in the certificate in the place of {host}"
    if "expired" in error.verify_message or "not yet valid" in error.verify_message:
        return said, "look at this machine's clock first; if it is right, the server's certificate must be renewed"
    return (
        said,
        "give the authority that signed it as ca_file; or a proxy opens TLS on the way: then that one's authority",
    )


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    name = f": {error.filename}" if isinstance(error, OSError) and error.filename else ""
    return f"{getattr(error, 'strerror', None) or str(error) or type(error).__name__}{name}"
