"""Names, ports and TLS, one after the other: the first that fails is what to ask a firewall or a certificate about."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

from bridge.doctor.findings import failed, well

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.doctor.findings import Finding

TIMEOUT_SECS = 5.0


def reach(subject: str, host: str, port: int, context: Callable[[], ssl.SSLContext] | None) -> Iterator[Finding]:
    """Whether it can be connected to; `context` where it speaks TLS."""
    place = f"{host}:{port}"
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        advice = f"check the name, and that this machine's DNS may answer for {host}"
        yield failed(subject, f"{host} has no address: {error.strerror or error}", advice)
        return
    began = time.monotonic()
    try:
        with socket.create_connection((host, port), TIMEOUT_SECS) as connection:
            millis = (time.monotonic() - began) * 1000
            if context is not None:
                with context().wrap_socket(connection, server_hostname=host) as secure:
                    yield well(subject, f"{place} ({', '.join(sorted(found))}), {millis:.0f} ms, {secure.version()}")
                    return
    except ssl.SSLCertVerificationError as error:
        advice = "check the ca_file, this machine's clock, and whether a proxy opens TLS on the way"
        yield failed(subject, f"{place}: the certificate is not trusted: {error.verify_message}", advice)
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        yield failed(subject, f"{place}: {why}", f"open TCP port {port} to {host} in the firewall")
    else:
        yield well(subject, f"{place} ({', '.join(sorted(found))}), {millis:.0f} ms")
