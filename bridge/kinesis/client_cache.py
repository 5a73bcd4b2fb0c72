"""The botocore clients of the one publisher: one for each region and role, from one source of credentials."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.aws.client_factory import Reach, region_of
from bridge.aws.credentials import Authentication, authenticated_session
from bridge.aws.credentials.providers import session_with
from bridge.errors import SendError
from bridge.kinesis import put_records_codec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.kinesis.bandwidth import Uplink
    from bridge.model import Destination

log = logging.getLogger(__name__)

LOOK_SECS = 2.0
"""How often the files of credentials are looked at."""
DOUBT_SECS = 5.0
"""Credentials that AWS refuses are fetched anew no more often than this."""
TRY_AGAIN_SECS = 30.0
"""Files that changed, but give no credentials, are tried again after this, or when they change again."""


@dataclass(frozen=True, slots=True)
class PublisherSettings(Reach):
    """How to reach Kinesis, and as whom. `max_connections` is the sum of all streams' requests in flight."""

    authentication: Authentication = field(default_factory=Authentication)
    uplink: Uplink | None = field(default=None, kw_only=True)


class Connected(NamedTuple):
    """A client, and who it is. `credential` names the access key without showing it."""

    client: Any
    credentials: Any
    region: str
    type: str

    @property
    def credential(self) -> str:
        """In words: which access key, and whence."""
        key = self.credentials.get_frozen_credentials().access_key or ""
        return f"the access key that ends in {key[-4:]} (kinesis.authentication, type: {self.type})"

    @property
    def renewable(self) -> bool:
        """Whether credentials that have expired come anew by themselves."""
        return bool(self.credentials.renewable)


class Clients:
    """Made when they are first needed; made anew when a file of the credentials changes, or when AWS refuses them.

    Files may be caught in the middle of a change, such as a new certificate beside the old key. While what they hold
    gives no credentials, those in hand are used to their end.
    """

    def __init__(self, settings: PublisherSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._making = threading.Lock()
        self._session: Any = None
        self._connected: dict[tuple[str, str], Connected] = {}
        self._files = settings.authentication.files
        self._seen = _state(self._files)
        self._look_at = clock() + LOOK_SECS
        self._take_at: float | None = None
        """When credentials are to be taken anew, since files have changed."""
        self._doubt_at = 0.0

    @property
    def expires_at(self) -> float | None:
        """When the first of the credentials in use ends, in seconds since 1970."""
        ends = [connected.credentials.expires_at for connected in list(self._connected.values())]
        return min((end for end in ends if end is not None), default=None)

    def of(self, destination: Destination) -> Connected:
        """The client for a destination. Raises SendError where there are no credentials."""
        if self._files and self._clock() >= self._look_at:
            self._look()
        place = region_of(self._settings, destination)
        found = self._connected.get((place, destination.role_arn))
        return found if found is not None else self._connect(place, destination.role_arn)

    def whoami(self, destination: Destination) -> str:
        """The ARN behind the credentials for a destination. Raises SendError."""
        from bridge.aws.credentials.errors import failed  # noqa: PLC0415 - botocore is slow to import

        connected = self.of(destination)
        try:
            client = self._settings.client(session_with(connected.credentials), "sts")
            return str(client.get_caller_identity()["Arn"])
        except Exception as error:
            raise failed(error, connected.type) from error

    def doubt(self) -> None:
        """AWS refuses the credentials: what they are made of may have changed."""
        now = self._clock()
        if now >= self._doubt_at:
            self._doubt_at = now + DOUBT_SECS
            self.forget()

    def forget(self, session: Any = None) -> None:
        """Close the idle connections; requests under way come to their end. `session`: in the place of the old one."""
        with self._making:
            connected, self._connected = self._connected, {}
            self._session = session
        for each in connected.values():
            each.client.close()

    def _connect(self, region: str, role_arn: str) -> Connected:
        with self._making:
            found = self._connected.get((region, role_arn))
            if found is None:
                found = self._connected[region, role_arn] = self._made(region, role_arn)
            return found

    def _made(self, region: str, role_arn: str) -> Connected:
        settings = self._settings
        if self._session is None:
            self._session = authenticated_session(settings.authentication, settings)
        session, kind = self._session, settings.authentication.type
        if role_arn:
            session, kind = self._in_role(role_arn), f"{kind}, then role_arn of the output"
        client = settings.client(session, "kinesis", region)
        put_records_codec.install(client, settings.uplink)
        return Connected(client, session.get_credentials(), region, kind)

    def _in_role(self, role_arn: str) -> Any:
        """The same role in another region has the same credentials."""
        from bridge.aws.credentials.assume_role import assume_role  # noqa: PLC0415 - botocore is slow to import

        for (_, other), connected in self._connected.items():
            if other == role_arn:
                return session_with(connected.credentials)
        return session_with(assume_role({"role_arn": role_arn}, self._settings, self._session))

    def _look(self) -> None:
        now = self._clock()
        self._look_at = now + LOOK_SECS
        state = _state(self._files)
        if state != self._seen:
            pairs = zip(self._files, zip(state, self._seen, strict=True), strict=True)
            changed = [str(file) for file, (after, before) in pairs if after != before]
            log.info("credentials: %s changed; they are taken anew", ", ".join(changed))
            self._seen, self._take_at = state, now
        if self._take_at is not None and now >= self._take_at:
            self._take_at = now + TRY_AGAIN_SECS  # another thread goes on meanwhile
            self._take_anew()

    def _take_anew(self) -> None:
        if self._session is None:
            self._take_at = None  # nothing is in hand: who needs them asks by itself, and is told
            return
        try:
            session = authenticated_session(self._settings.authentication, self._settings)
        except SendError as error:
            log.warning("credentials: what the files hold gives none, those in hand are used to their end: %s", error)
            return
        self._take_at = None
        self.forget(session)


def _state(files: tuple[Path, ...]) -> list[tuple[int, int, int] | None]:
    """What tells whether files were written: through a symbolic link too, as Kubernetes swaps secrets."""
    states: list[tuple[int, int, int] | None] = []
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            states.append(None)
        else:
            states.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return states
