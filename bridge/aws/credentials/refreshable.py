"""Credentials for botocore, which queries these objects before it signs each request.

Other modules import this module inside functions, because importing botocore takes a quarter of a second and `check`
does not need it.
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
"""Seconds before the expiry at which credentials are renewed; with a short lifetime, its last quarter."""
TRY_AGAIN_SECS = 30.0
MAX_CHARS = 32_768
"""Max length of a part of credentials.

AWS documents no limit for a session token. Tokens of 4 kB occur, and a request's head must not exceed the limits of
proxies.
"""
_PRINTABLE = re.compile(rf"[ -~]{{1,{MAX_CHARS}}}")


@dataclass(frozen=True, slots=True)
class FetchedCredentials:
    """Credentials that were just fetched. `expires_at` is seconds since 1970; None: never.

    Raise InvalidCredentials if they cannot be sent in the header of a request.
    """

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None

    def __post_init__(self) -> None:
        check_credentials(self.access_key_id, self.secret_access_key, self.session_token)

    @classmethod
    def of(cls, answer: dict[str, Any]) -> FetchedCredentials:
        """Convert an STS response or the output of a credential process. Both use the same field names.

        Raise KeyError if a field is missing.
        """
        expires = answer.get("Expiration")
        return cls(answer["AccessKeyId"], answer["SecretAccessKey"], answer.get("SessionToken"), epoch_secs(expires))


def check_credentials(access_key_id: object, secret_access_key: object, session_token: object) -> None:
    """Raise InvalidCredentials unless all are printable ASCII. The session token may be missing."""
    names = ("access key id", access_key_id), ("secret access key", secret_access_key), ("session token", session_token)
    for name, value in names:
        if value is None and name == "session token":
            continue
        if not isinstance(value, str) or not _PRINTABLE.fullmatch(value):
            raise InvalidCredentials(f"the {name} is no text of 1 to {MAX_CHARS:,} printable ASCII characters")


def epoch_secs(moment: datetime | str | None) -> float | None:
    """Convert an RFC 3339 time to seconds since 1970. Raise InvalidCredentials for anything else."""
    if moment is None:
        return None
    try:
        moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return _timestamp(moment)
    except (ValueError, OverflowError, AttributeError, TypeError):
        raise InvalidCredentials("the expiry is no time") from None


def _timestamp(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _steady_secs() -> float:
    """Return the seconds since the boot of the machine, including those in which it was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class RenewedCredentials(Credentials):  # type: ignore[misc]  # botocore has no types
    """Credentials from `fetch`, which is called again before they expire. Any thread.

    While renewal fails, the current credentials are used until they expire. A signing thread tries the renewal; only
    one thread does so at a time, and at most twice a minute. Raises SendError if there are no credentials.
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
        # Times of the steady clock, which does not jump when the machine's clock is set.
        self._renew_at = self._ends_at = inf

    @property
    def expires_at(self) -> float | None:
        """Expiry in seconds since 1970; None: never, or none were fetched yet."""
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
        # Without valid credentials, nothing can be signed, so wait for the thread that fetches them.
        if usable is None:
            self._fetching.acquire()
        try:
            # Another thread may have renewed them while this one waited for the lock.
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
            self._renew_at = now + TRY_AGAIN_SECS
            log.warning("credentials: renewal failed; the present ones are used until they expire: %s", why)
            return usable
        self._renew_at = self._ends_at = inf
        if fetched.expires_at is not None:
            left = fetched.expires_at - self._now()
            if left <= 0:
                # New credentials cannot have expired, so this machine's clock is wrong. They are fetched again at the
                # next request, because the clock may be correct by then.
                self._fetched = None
                raise _expired_already(self.method, -left)
            self._ends_at = now + left
            self._renew_at = self._ends_at - min(AHEAD_SECS, left / 4)
        self._fetched = fetched
        return fetched

    def _usable(self) -> FetchedCredentials | None:
        return None if self._steady() >= self._ends_at else self._fetched


class WrappedCredentials(Credentials):  # type: ignore[misc]  # as above
    """Credentials that botocore or a library finds and renews. Exceptions are converted to SendError."""

    def __init__(self, method: str, inner: Any, *, renewable: bool | None = None) -> None:
        super().__init__("", "", None, method)
        self._inner = inner
        self.renewable = isinstance(inner, RefreshableCredentials) if renewable is None else renewable

    @property
    def expires_at(self) -> float | None:
        """Unknown expiry, always None: botocore does not publish it."""
        return None

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the credentials for the next request."""
        try:
            frozen: ReadOnlyCredentials = self._inner.get_frozen_credentials()
            # An empty text means that there is no token. Any other value is checked, because botocore does not check
            # it.
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
        f"credentials (type: {method}) were returned expired {secs:.0f} s ago by this machine's clock",
        "synchronise this machine's clock (NTP)",
    )
