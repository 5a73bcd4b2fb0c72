"""Cache of the publisher's botocore clients: one client for each region and role, with one source of credentials."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.aws.client_factory import EndpointSettings, region_of
from bridge.aws.credentials import Authentication, authenticated_session
from bridge.aws.credentials.providers import session_with
from bridge.aws.error_codes import shortened
from bridge.aws.transport.requests_in_flight import RequestsInFlight
from bridge.errors import SendError, Unavailable
from bridge.kinesis import put_records_codec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.kinesis.bandwidth import BandwidthLimiter
    from bridge.model import Destination

log = logging.getLogger(__name__)

# The check is one `stat` per file, which needs almost no CPU time. A rotated key is in use within seconds.
FILE_CHECK_SECS = 2.0
"""Seconds between two checks of the credential files for changes."""
STS_UNREACHABLE = "StsUnreachable"
"""Code of the error that `whoami` raises if there are credentials, but STS does not respond."""
# If credentials become invalid, AWS refuses all requests in flight at about the same time. Only the first refusal
# should discard the clients.
MIN_INVALIDATION_SECS = 5.0
"""Minimum seconds between two calls of `invalidate` that discard the clients."""
RELOAD_RETRY_SECS = 30.0
"""Seconds until changed files without valid credentials are read again. After another change, they are read at once."""


@dataclass(frozen=True, slots=True)
class PublisherSettings(EndpointSettings):
    """Endpoint and identity for Kinesis. `max_connections` is the maximum number of requests in flight of all streams.

    `uplink` limits the bandwidth of all requests. None means no limit.
    """

    authentication: Authentication = field(default_factory=Authentication)
    uplink: BandwidthLimiter | None = field(default=None, kw_only=True)


class CachedClient(NamedTuple):
    """Client with its region and credentials. `type` is the authentication type."""

    client: Any
    transport: Any
    """HTTP session of the client, which owns its connections."""
    credentials: Any
    region: str
    type: str

    @property
    def credential(self) -> str:
        """Text for error messages: the last 4 characters of the access key, and the source of the key."""
        key = self.credentials.get_frozen_credentials().access_key or ""
        return f"the access key that ends in {key[-4:]} (kinesis.authentication, type: {self.type})"

    @property
    def renewable(self) -> bool:
        """True if expired credentials are renewed without a restart."""
        return bool(self.credentials.renewable)


class ClientCache:
    """Clients that are created when they are needed for the first time. Thread-safe.

    Clients are created again when a credential file changes, or when AWS refuses the credentials. The files may be read
    in the middle of a change. For example, the certificate is new, but the key is still old. While the files contain no
    valid credentials, the present credentials are used until they expire.
    """

    def __init__(self, settings: PublisherSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.in_flight = RequestsInFlight()
        """All requests of all clients that are in flight."""
        self._settings = settings
        self._clock = clock
        # This lock is held while a client is created, which may take seconds. So only one thread fetches credentials.
        self._creating = threading.Lock()
        self._session: Any = None
        self._connected: dict[tuple[str, str], CachedClient] = {}
        self._files = settings.authentication.files
        # The state of the files is read before their first use, so that a change during this use is detected.
        self._seen = _state(self._files)
        self._check_at = clock() + FILE_CHECK_SECS
        # Time of the next attempt to read changed files; None if all changes were read.
        self._reload_at: float | None = None
        self._invalidate_at = 0.0

    @property
    def expires_at(self) -> float | None:
        """Earliest expiry of the credentials in use, in seconds since 1970; None if unknown or if they never expire."""
        ends = [connected.credentials.expires_at for connected in list(self._connected.values())]
        return min((end for end in ends if end is not None), default=None)

    def of(self, destination: Destination) -> CachedClient:
        """Return the client for a destination. Raise SendError if there are no credentials."""
        if self._files and self._clock() >= self._check_at:
            self._check_files()
        region = region_of(self._settings, destination)
        # A look-up in a dict is atomic, so the usual case needs no lock.
        found = self._connected.get((region, destination.role_arn))
        return found if found is not None else self._connect(region, destination.role_arn)

    def whoami(self, destination: Destination) -> str:
        """Return the ARN behind the credentials for a destination.

        Raise SendError if the ARN cannot be found out. The code of the error is STS_UNREACHABLE if there are
        credentials, but STS does not respond.
        """
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - botocore is slow to import

        from bridge.aws.credentials.credential_errors import failed  # noqa: PLC0415 - as above
        from bridge.aws.network_errors import NETWORK_CODES, network_error  # noqa: PLC0415 - as above

        connected = self.of(destination)
        try:
            client = self._settings.client(session_with(connected.credentials), "sts")
            arn = client.get_caller_identity()["Arn"]
        except BotoCoreError as error:
            cause = network_error(error)
            if cause.code in NETWORK_CODES:
                raise Unavailable(STS_UNREACHABLE, cause.detail) from error
            raise failed(error, connected.type) from error
        except Exception as error:
            raise failed(error, connected.type) from error
        # The ARN is shown to users, so `shortened` removes control characters.
        if shown := shortened(str(arn)):
            return shown
        raise failed(ValueError("the response of STS contains no ARN"), connected.type)

    def invalidate(self) -> None:
        """Discard the clients, because AWS refuses their credentials. Do this at most once in MIN_INVALIDATION_SECS.

        The next call fetches credentials again, because the source may have new credentials.
        """
        now = self._clock()
        if now >= self._invalidate_at:
            self._invalidate_at = now + MIN_INVALIDATION_SECS
            self.discard_clients()

    def discard_clients(self, session: Any = None) -> None:
        """Discard all clients, and close their idle connections. Requests in flight continue to their end.

        Later clients use `session`. If it is None, a session is created with the next client.
        """
        with self._creating:
            connected, self._connected = self._connected, {}
            self._session = session
        # The lock is not held here, so that other threads can connect while idle connections are closed.
        for each in connected.values():
            each.client.close()
            each.transport.close()

    def _connect(self, region: str, role_arn: str) -> CachedClient:
        with self._creating:
            # Another thread may have connected between the caller's look-up and this lock.
            found = self._connected.get((region, role_arn))
            if found is None:
                found = self._connected[region, role_arn] = self._create_client(region, role_arn)
            return found

    def _create_client(self, region: str, role_arn: str) -> CachedClient:
        from bridge.aws.transport.session import install as install_transport  # noqa: PLC0415 - botocore is slow to import

        settings = self._settings
        if self._session is None:
            self._session = authenticated_session(settings.authentication, settings)
        session, kind = self._session, settings.authentication.type
        if role_arn:
            session, kind = self._assumed_session(role_arn), f"{kind}, then role_arn of the output"
        client = settings.client(session, "kinesis", region)
        put_records_codec.install(client, settings.uplink)
        transport = install_transport(client, settings, self.in_flight)
        return CachedClient(client, transport, session.get_credentials(), region, kind)

    def _assumed_session(self, role_arn: str) -> Any:
        """Return a session with the credentials of a role. Clients of the same role share these credentials."""
        from bridge.aws.credentials.assume_role import assume_role  # noqa: PLC0415 - botocore is slow to import

        for (_, other), connected in self._connected.items():
            if other == role_arn:
                return session_with(connected.credentials)
        return session_with(assume_role({"role_arn": role_arn}, self._settings, self._session))

    def _check_files(self) -> None:
        now = self._clock()
        self._check_at = now + FILE_CHECK_SECS
        state = _state(self._files)
        if state != self._seen:
            pairs = zip(self._files, zip(state, self._seen, strict=True), strict=True)
            changed = [str(file) for file, (after, before) in pairs if after != before]
            log.info("credentials: %s changed; reloading them", ", ".join(changed))
            self._seen, self._reload_at = state, now
        if self._reload_at is not None and now >= self._reload_at:
            self._reload_at = now + RELOAD_RETRY_SECS  # set before the attempt, so that no other thread tries too
            self._reload_credentials()

    def _reload_credentials(self) -> None:
        if self._session is None:
            self._reload_at = None  # the next caller creates the first session from the changed files
            return
        try:
            session = authenticated_session(self._settings.authentication, self._settings)
        except SendError as error:
            log.warning(
                "credentials: the files contain no valid credentials; the present credentials are used until they "
                "expire: %s",
                error,
            )
            # `_reload_at` stays set, so the files are read again after RELOAD_RETRY_SECS.
            return
        self._reload_at = None
        self.discard_clients(session)


def _state(files: tuple[Path, ...]) -> list[tuple[int, int, int] | None]:
    """Return (modification time in ns, size, inode) of each file, to detect changes; None if a file is unreadable.

    Symbolic links are followed, because Kubernetes replaces a secret by changing a link.
    """
    states: list[tuple[int, int, int] | None] = []
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            states.append(None)
        else:
            states.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return states
