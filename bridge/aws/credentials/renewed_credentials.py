"""Credentials for botocore. Before botocore signs a request, it gets the credentials from one of these objects.

Other modules import this module inside functions, because importing botocore takes a quarter of a second, and the
command `check` does not need botocore.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any

from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials

from bridge.aws.credentials.credential_errors import InvalidCredentials, failed
from bridge.errors import Refused, SendError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

AHEAD_SECS = 900.0
"""Seconds before the expiry at which credentials are renewed. Credentials that are valid for less than an hour are
renewed after three quarters of this time."""
RENEWAL_RETRY_SECS = 30.0
MAX_CHARS = 32_768
"""Maximum length of an access key id, a secret access key or a session token.

AWS documents no limit for a session token, and tokens of 4 kB occur. With values over 32 kB, the head of a request
would exceed the limits of proxies.
"""
_PRINTABLE = re.compile(rf"[ -~]{{1,{MAX_CHARS}}}")


@dataclass(frozen=True, slots=True)
class FetchedCredentials:
    """Credentials as they were fetched. `expires_at` is in seconds since 1970; None if they never expire.

    Raise InvalidCredentials if the values cannot be sent in the header of a request.
    """

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None

    def __post_init__(self) -> None:
        check_credentials(self.access_key_id, self.secret_access_key, self.session_token)

    @classmethod
    def of(cls, response: dict[str, Any]) -> FetchedCredentials:
        """Return the credentials in an STS response, or in the output of a credential process.

        Both have the same field names. Raise KeyError if a field is missing.
        """
        expires = response.get("Expiration")
        return cls(
            response["AccessKeyId"], response["SecretAccessKey"], response.get("SessionToken"), epoch_secs(expires)
        )


def check_credentials(access_key_id: object, secret_access_key: object, session_token: object) -> None:
    """Raise InvalidCredentials if a value is not printable ASCII. Only the session token may be None."""
    names = ("access key id", access_key_id), ("secret access key", secret_access_key), ("session token", session_token)
    for name, value in names:
        if value is None and name == "session token":
            continue
        if not isinstance(value, str) or not _PRINTABLE.fullmatch(value):
            raise InvalidCredentials(f"the {name} does not consist of 1 to {MAX_CHARS:,} printable ASCII characters")


def epoch_secs(moment: datetime | str | None) -> float | None:
    """Return an RFC 3339 time in seconds since 1970. Raise InvalidCredentials for any other value."""
    if moment is None:
        return None
    try:
        moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return _timestamp(moment)
    except (ValueError, OverflowError, AttributeError, TypeError):
        raise InvalidCredentials("the expiry is not a valid time") from None


def _timestamp(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _steady_secs() -> float:
    """Return the seconds since the machine was booted, including the time in which it was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class RenewedCredentials(Credentials):  # type: ignore[misc]  # botocore has no types
    """Credentials from the function `fetch`, which is called again before they expire. Any thread may use them.

    A thread that is about to sign a request renews the credentials. Only one thread renews them at a time. If the
    renewal fails, it is repeated after 30 s, and the present credentials are used until they expire. Methods raise
    SendError if there are no valid credentials.
    """

    def __init__(
        self,
        method: str,
        fetch: Callable[[], FetchedCredentials],
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = _steady_secs,
    ) -> None:
        super().__init__("", "", None, method)
        self._fetch = fetch
        self._now = now
        self._steady = steady
        self._fetching = threading.Lock()
        self._fetched: FetchedCredentials | None = None
        # These are times of the steady clock, which does not jump when the machine's clock is set.
        self._renew_at = self._ends_at = inf

    @property
    def expires_at(self) -> float | None:
        """Expiry in seconds since 1970; None if the credentials never expire, or are not fetched yet."""
        return self._fetched.expires_at if self._fetched else None

    @property
    def renewable(self) -> bool:
        """True if the credentials expire and can be fetched again."""
        return self.expires_at is not None

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the credentials for the next request."""
        fetched = self._fetched
        if fetched is None or self._steady() >= self._renew_at:
            fetched = self._renew()
        return ReadOnlyCredentials(fetched.access_key_id, fetched.secret_access_key, fetched.session_token)

    def _renew(self) -> FetchedCredentials:
        usable = self._usable()
        if usable is not None and not self._fetching.acquire(blocking=False):
            return usable  # another thread renews them
        # Without valid credentials, this thread cannot sign its request. So it waits for the thread that fetches them.
        if usable is None:
            self._fetching.acquire()
        try:
            # Another thread may have renewed them while this thread waited for the lock.
            usable, now = self._usable(), self._steady()
            if usable is not None and now < self._renew_at:
                return usable
            return self._try(usable, now)
        finally:
            self._fetching.release()

    def _try(self, usable: FetchedCredentials | None, now: float) -> FetchedCredentials:
        try:
            fetched = self._fetch()
        except Exception as error:
            why = failed(error, self.method)
            if usable is None:
                raise why from error
            self._renew_at = now + RENEWAL_RETRY_SECS
            log.warning("credentials: renewal failed; the present credentials are used until they expire: %s", why)
            return usable
        self._renew_at = self._ends_at = inf
        if fetched.expires_at is not None:
            left = fetched.expires_at - self._now()
            if left <= 0:
                # New credentials cannot have expired, so this machine's clock is wrong. The clock may be corrected
                # later, so the next request fetches credentials again.
                self._fetched = None
                raise _expired_already(self.method, -left)
            self._ends_at = now + left
            self._renew_at = self._ends_at - min(AHEAD_SECS, left / 4)
        self._fetched = fetched
        return fetched

    def _usable(self) -> FetchedCredentials | None:
        return None if self._steady() >= self._ends_at else self._fetched


class WrappedCredentials(Credentials):  # type: ignore[misc]  # as above
    """Credentials that botocore or a library finds and renews. Exceptions are converted into SendError."""

    def __init__(self, method: str, inner: Any, *, renewable: bool | None = None) -> None:
        super().__init__("", "", None, method)
        self._inner = inner
        self.renewable = isinstance(inner, RefreshableCredentials) if renewable is None else renewable

    @property
    def expires_at(self) -> float | None:
        """Always None, because botocore does not publish the expiry."""
        return None

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the credentials for the next request."""
        try:
            frozen: ReadOnlyCredentials = self._inner.get_frozen_credentials()
            # An empty string means that there is no session token. botocore does not check the values, so they are
            # checked here.
            token = None if frozen.token == "" else frozen.token
            check_credentials(frozen.access_key, frozen.secret_key, token)
        except SendError:
            raise
        except Exception as error:
            raise failed(error, self.method) from error
        else:
            return frozen


def _expired_already(method: str, secs: float) -> Refused:
    return Refused(
        "ExpiredCredentials",
        f"new credentials (type: {method}) expired {secs:.0f} s ago, according to this machine's clock",
        "synchronise this machine's clock (NTP)",
    )
