"""Guard of the endpoints. It passes a request to its handler only if the client has the required permission."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Final, Literal

from bridge.web.access.security import COOKIE, bearer_token, host_is_ours, origin_is_ours
from bridge.web.access.sessions import LoginSessions, Role, User
from bridge.web.access.wrong_tokens import WrongTokens
from bridge.web.requests import RequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from bridge.web.settings import HttpSettings

    Handler = Callable[[Request], Awaitable[Response]]

WRONG_TOKEN_SECS: Final = 1.0
"""Seconds by which the response to a wrong token is delayed, so that guessing a token is slow."""


class Guard:
    """Access checks that run before each handler. The checks store the user of a request in `request.state.user`.

    The methods `look`, `act` and `edit` add the checks to a handler.
    """

    def __init__(self, settings: HttpSettings) -> None:
        tokens = {Role.VIEW: settings.view_token, Role.EDIT: settings.token}
        self.sessions = LoginSessions({role: token.get_secret_value() for role, token in tokens.items() if token})
        self._settings = settings
        self._wrong = WrongTokens()

    def look(self, handler: Handler) -> Handler:
        """Return a handler that requires read access."""

        async def guarded(request: Request) -> Response:
            self.check_host(request)
            user = await self.user(request)
            if user is None:
                raise RequestError(401, "token required: send Authorization: Bearer TOKEN, or log in")
            request.state.user = user
            return await handler(request)

        return _declared(handler, guarded, "look")

    def act(self, handler: Handler) -> Handler:
        """Return a handler that requires read access, and a request from our own page."""
        looked = self.look(handler)

        async def guarded(request: Request) -> Response:
            if not origin_is_ours(request.headers):
                raise RequestError(
                    403, "request not sent by this page: header X-Mqtt-Kinesis missing, or another Origin"
                )
            return await looked(request)

        return _declared(handler, guarded, "act")

    def edit(self, handler: Handler) -> Handler:
        """Return a handler that requires the role `edit`, and a request from our own page."""

        async def guarded(request: Request) -> Response:
            # `act` runs first, and has set the user.
            if request.state.user.role is not Role.EDIT:
                needed = "log in with http.token" if self.sessions.needed else "set http.token to edit in the page"
                raise RequestError(403, f"read-only: {needed}")
            return await handler(request)

        return _declared(handler, self.act(guarded), "edit")

    def check_host(self, request: Request) -> None:
        """Raise RequestError if the Host header of a request does not name this page."""
        if not host_is_ours(request.headers, self._settings):
            raise RequestError(421, "http.listen is a loopback address: expected a Host such as 127.0.0.1 or localhost")

    async def user(self, request: Request) -> User | None:
        """Return the user of a request, or None if the client may not read. Wait before a wrong token is refused."""
        if not self.sessions.needed:
            return User(Role.VIEW)
        found = self.sessions.user_of(request.cookies.get(COOKIE))
        given = bearer_token(request.headers)
        # With a valid session, the token is not checked. So a wrong token in the same request causes no delay.
        if found is not None or given is None:
            return found
        role = await self.role_of(request, given)
        return None if role is None else User(role)

    async def role_of(self, request: Request, given: str) -> Role | None:
        """Return the role of a request's token.

        If the token is wrong, return None after a delay. Raise RequestError if the address has sent too many wrong
        tokens.
        """
        address = request.client.host if request.client else "an unknown address"
        # Refuse before the token is compared. Otherwise, a client could continue to guess: only the correct token would
        # get another response.
        if self._wrong.refuses(address):
            raise RequestError(429, "too many wrong tokens from this address: retry in some seconds")
        role = self.sessions.role_of(given)
        if role is None:
            await self._wrong.delay(address, WRONG_TOKEN_SECS)
        return role


def _declared(handler: Handler, guarded: Handler, access: Literal["look", "act", "edit"]) -> Handler:
    """Copy name and docstring of a handler to its guarded version, and set `access` for the API's description."""
    made = wraps(handler)(guarded)
    made.access = access  # type: ignore[attr-defined]  # read by bridge/web/openapi/document.py
    return made
