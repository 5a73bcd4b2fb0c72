"""Roles of the page, and the sessions of clients that have logged in."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# A user logs in once for a working day.
SESSION_SECS: Final = 12 * 3600
# The limit bounds the memory, because a client with the token could begin any number of sessions.
MAX_SESSIONS: Final = 100


class Role(StrEnum):
    """Permission of a client. Each role has one token."""

    VIEW = "view"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class User:
    """Client of a request. `name` is the text that the user entered in the login form. It is not verified."""

    role: Role
    name: str = ""


class LoginSessions:
    """Sessions of clients that have logged in. `tokens` has the token of each role.

    The sessions exist only in memory, so a restart of the bridge ends them.
    """

    def __init__(self, tokens: dict[Role, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._digests = {role: _digest(token) for role, token in tokens.items()}
        self._clock = clock
        self._open: dict[str, tuple[float, User]] = {}

    @property
    def needed(self) -> bool:
        """True if clients must log in, because at least one token is set."""
        return bool(self._digests)

    def role_of(self, given: str) -> Role | None:
        """Return the role of a token, or None if it is wrong.

        The duration of the call reveals nothing about the tokens.
        """
        found, mine = None, _digest(given)
        # The digests have the same length, and all are compared, so the duration is the same for each token.
        for role, digest in self._digests.items():
            if hmac.compare_digest(mine, digest):
                found = role
        return found

    def begin(self, user: User) -> str:
        """Start a session and return its secret. If there are MAX_SESSIONS already, end the oldest one."""
        now = self._clock()
        self._open = {name: each for name, each in self._open.items() if each[0] > now}
        # Sessions are stored in the order of their start, so the first one is the oldest.
        while len(self._open) >= MAX_SESSIONS:
            self._open.pop(next(iter(self._open)))
        session = secrets.token_urlsafe(32)
        self._open[session] = now + SESSION_SECS, user
        return session

    def end(self, session: str) -> None:
        """End a session (log-out)."""
        self._open.pop(session, None)

    def user_of(self, cookie: str | None) -> User | None:
        """Return the user of the session with this secret, or None if there is no such session."""
        end, user = self._open.get(cookie or "", (0.0, None))
        return user if end > self._clock() else None


def _digest(text: str) -> bytes:
    # A request may contain any characters. With `surrogatepass`, none of them raises an exception here.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
