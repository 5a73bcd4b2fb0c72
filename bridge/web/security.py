"""Who may see and do what.

Without a token everything can be read, and nothing done, from this machine only. With one, all but the health checks
need it: as `Authorization: Bearer`, or once in the login form, which gives a session by a cookie that no script can
read and no other site can send (HttpOnly, SameSite=Strict).

A page of another site that a browser on this machine has open must not reach in: the Host must be ours (DNS rebinding);
what changes anything must carry our header, which no form can send, and an Origin that is ours.
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import hmac
import secrets
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bridge.config.settings import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bridge.web.settings import WebSettings

COOKIE: Final = "mqtt_kinesis_session"
OUR_HEADER: Final = "x-mqtt-kinesis"
SESSION_SECS: Final = 12 * 3600
MAX_SESSIONS: Final = 100
HEADERS: Final = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class LoginSessions:
    """Those who have given the token. Lost with a restart."""

    def __init__(self, token: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._clock = clock
        self._open: dict[str, float] = {}

    @property
    def needed(self) -> bool:
        """Whether there is a token."""
        return self._token is not None

    def is_token(self, given: str) -> bool:
        """In a time that does not tell how much of it is right."""
        return self._token is not None and hmac.compare_digest(given.encode(), self._token.encode())

    def begin(self) -> str:
        """A session's secret."""
        now = self._clock()
        self._open = {name: end for name, end in self._open.items() if end > now}
        while len(self._open) >= MAX_SESSIONS:
            self._open.pop(next(iter(self._open)))
        session = secrets.token_urlsafe(32)
        self._open[session] = now + SESSION_SECS
        return session

    def end(self, session: str) -> None:
        """Log out."""
        self._open.pop(session, None)

    def holds(self, headers: Headers, cookie: str | None) -> bool:
        """Whether a request comes from one who has given the token."""
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.is_token(given.strip()):
            return True
        return cookie is not None and self._open.get(cookie, 0.0) > self._clock()


def host_is_ours(headers: Headers, settings: WebSettings) -> bool:
    """On loopback, the Host must name loopback; beyond it the token is what protects."""
    if settings.host not in LOOPBACK:
        return True
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname in LOOPBACK
    except ValueError:
        return False


def origin_is_ours(headers: Headers) -> bool:
    """What changes something comes from our own page, or from no page at all."""
    if headers.get(OUR_HEADER) is None:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


class SecurityHeadersMiddleware:
    """Around the whole application: each answer forbids what the page does not need."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        await self._app(scope, receive, send_safe)
