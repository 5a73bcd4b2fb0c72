"""Access control of the page.

If no token is set, only clients on this machine have access. They can read everything and change nothing. If `token` or
`view_token` is set, every request needs one of these tokens, and only `token` permits changes. Health checks need no
token. A client sends its token as `Authorization: Bearer`, or once in the login form. The form starts a session with a
cookie that no script can read and no other site can send (HttpOnly, SameSite=Strict).

A browser on this machine may also show a page of another site, which must not gain access. The Host header must
therefore name this page (against DNS rebinding). A request that changes something must also have the Origin of this
page, and a header that no HTML form can send.
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
    # The page may use only its own scripts, styles and images, and no other site may show the page in a frame. Even if
    # the page showed a message as markup by mistake, the message could not run a script or send data to another site.
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
    # Responses contain plant data, which must not stay on the disk of the browser's machine.
    (b"cache-control", b"no-store"),
)
# Sent only with HTTPS. A browser then uses HTTPS for this host for a year.
HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


def bearer_token(headers: Headers) -> str | None:
    """Return the token of a request's Authorization header, or None if it has none."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    return given.strip() if kind.lower() == "bearer" else None


def host_is_ours(headers: Headers, settings: HttpSettings) -> bool:
    """Return whether the Host header is valid.

    If the page listens on a loopback address, the Host header must contain a loopback name. On other addresses, every
    value is valid, because a token is required.
    """
    if settings.host not in LOOPBACK:
        return True
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname in LOOPBACK
    except ValueError:
        return False


def origin_is_ours(headers: Headers) -> bool:
    """Return whether a request that changes something comes from our own page, or from a program without a browser."""
    if headers.get(OUR_HEADER) is None:
        return False
    origin = headers.get("origin")
    # Browsers send an Origin header with each POST request. A program such as curl sends no Origin. Its request is
    # safe, because the program has no session cookie that another site could misuse.
    return origin is None or urlsplit(origin).netloc == headers.get("host")


class SecurityHeadersMiddleware:
    """ASGI middleware that adds security headers to each response.

    The headers forbid all browser features that the page does not need. With `https`, another header (HSTS) instructs
    browsers to use only HTTPS for this host.
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
