"""Access control of the page.

Without a token, only this machine has access: it can read everything and change nothing. With `token` or `view_token`,
all requests except health checks need one of them, and only `token` permits changes. A client sends it as
`Authorization: Bearer`, or once in the login form. The form starts a session by a cookie that no script can read and no
other site can send (HttpOnly, SameSite=Strict).

A browser on this machine may have a page of another site open, which must not gain access. So the Host must be that of
this page (DNS rebinding). A request that changes something must also have this page's own header, which no form can
send, and its Origin.
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bridge.web.settings import LOOPBACK

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bridge.web.settings import HttpSettings

COOKIE: Final = "mqtt_kinesis_session"
OUR_HEADER: Final = "x-mqtt-kinesis"
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


HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


def bearer_token(headers: Headers) -> str | None:
    """Return the token of a request's Authorization header; None if it has none."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    return given.strip() if kind.lower() == "bearer" else None


def host_is_ours(headers: Headers, settings: HttpSettings) -> bool:
    """Return whether the Host is valid: loopback if the page listens there; elsewhere the token protects."""
    if settings.host not in LOOPBACK:
        return True
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname in LOOPBACK
    except ValueError:
        return False


def origin_is_ours(headers: Headers) -> bool:
    """Return whether a request that changes something was sent by our own page, or by no page at all."""
    if headers.get(OUR_HEADER) is None:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


class SecurityHeadersMiddleware:
    """ASGI middleware around the application.

    The headers of each response forbid all browser features that the page does not need.

    `https`: browsers then use only HTTPS for this host (HSTS).
    """

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self._app = app
        self._headers = (*HEADERS, HSTS) if https else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Process one request, and add the headers to its response."""

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, send_safe)
