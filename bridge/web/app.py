"""Routes of the page, its API, metrics and health checks."""

from __future__ import annotations

import asyncio
import logging
from importlib.resources import files
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from bridge.errors import BridgeError
from bridge.monitoring.health import health, readiness
from bridge.monitoring.prometheus import CONTENT_TYPE, metrics_text
from bridge.web.api import Api, RequestError, json, read_body, refusal
from bridge.web.events import MAX_LISTENERS, MessageFilter, MessageTap, StateBroadcast, messages, states
from bridge.web.security import (
    COOKIE,
    SESSION_SECS,
    LoginSessions,
    SecurityHeadersMiddleware,
    bearer_token,
    host_is_ours,
    origin_is_ours,
)
from bridge.web.thread_slots import ThreadSlots
from bridge.web.wrong_tokens import WrongTokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from bridge.monitoring.bridge_protocol import RunningBridge
    from bridge.web.history import History
    from bridge.web.playground import Playground
    from bridge.web.settings import HttpSettings

    Handler = Callable[[Request], Awaitable[Response]]

log = logging.getLogger(__name__)

WRONG_TOKEN_SECS: Final = 1.0
"""Delay in seconds after a wrong token: it makes guessing slow."""
MAX_FORM_BYTES: Final = 16 * 1024
_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def web_app(
    bridge: RunningBridge,
    settings: HttpSettings,
    history: History,
    playground: Playground,
    stopping: Callable[[], bool],
) -> ASGIApp:
    """Return the application. Its event streams end when `stopping()` is true."""
    threads = ThreadSlots()
    site = WebApp(bridge, settings, threads, stopping)
    api = Api(bridge, history, playground, threads, writable=site.sessions.needed)
    site.state = StateBroadcast(api.state)
    look, act = site.guarded, site.guarded_act
    routes = [
        Route("/", site.page),
        Route("/login", site.login, methods=["POST"]),
        Route("/logout", look(site.logout), methods=["POST"]),
        Route("/static/{name}", site.static),
        # Health checks need no token, because orchestrators cannot send one. They say no more than whether the bridge
        # works.
        Route("/healthz", site.healthz),
        Route("/readyz", site.readyz),
        Route("/metrics", look(site.metrics)),
        Route("/api/status", look(api.status)),
        Route("/api/history", look(api.history)),
        Route("/api/coverage", look(api.coverage)),
        Route("/api/events", look(site.events)),
        Route("/api/messages", look(site.tail)),
        Route("/api/mappings/{name}", look(api.mapping)),
        Route("/api/try", act(api.try_), methods=["POST"]),
        Route("/api/dead-letters", look(api.dead_letters)),
        Route("/api/dead-letters/numbers", look(api.numbers)),
        Route("/api/dead-letters/replay", act(api.replay), methods=["POST"]),
        Route("/api/dead-letters/delete", act(api.delete), methods=["POST"]),
        Route("/api/dead-letters/{number}", look(api.dead_letter)),
    ]
    handlers = {RequestError: refusal, BridgeError: refusal, ClientDisconnect: no_content, Exception: crashed}
    app = Starlette(routes=routes, exception_handlers=handlers)
    # A redirect would go to whatever Host the request names.
    app.router.redirect_slashes = False
    return SecurityHeadersMiddleware(app, https=settings.cert_file is not None)


class WebApp:
    """Handlers beside the JSON endpoints: the page itself, event streams, health checks, metrics and log-in."""

    state: StateBroadcast

    def __init__(
        self, bridge: RunningBridge, settings: HttpSettings, threads: ThreadSlots, stopping: Callable[[], bool]
    ) -> None:
        self._threads = threads
        self.sessions = LoginSessions(settings.token.get_secret_value() if settings.token else None)
        self._bridge = bridge
        self._settings = settings
        self._stopping = stopping
        self._tail = MessageTap(bridge)
        self._listeners = 0
        self._wrong = WrongTokens()
        folder = files("bridge.web").joinpath("static")
        # All in memory: no request can name a file outside this folder.
        self._files = {each.name: each.read_bytes() for each in folder.iterdir() if "." in each.name}

    def guarded(self, handler: Handler) -> Handler:
        """Return a handler that requires read access."""

        async def guarded(request: Request) -> Response:
            self._check_host(request)
            if not await self._authorize(request):
                raise RequestError(401, "token required: send Authorization: Bearer TOKEN, or log in")
            return await handler(request)

        return guarded

    def guarded_act(self, handler: Handler) -> Handler:
        """Return a handler that requires read access, and a request from our own page."""

        async def guarded(request: Request) -> Response:
            if not origin_is_ours(request.headers):
                raise RequestError(
                    403, "request not sent by this page: header X-Mqtt-Kinesis missing, or another Origin"
                )
            return await self.guarded(handler)(request)

        return guarded

    def _check_host(self, request: Request) -> None:
        if not host_is_ours(request.headers, self._settings):
            raise RequestError(421, "http.listen is a loopback address: expected a Host such as 127.0.0.1 or localhost")

    async def _authorize(self, request: Request) -> bool:
        """Return whether a request may read. The answer to a wrong token is delayed."""
        if not self.sessions.needed or self.sessions.has_session(request.cookies.get(COOKIE)):
            return True
        given = bearer_token(request.headers)
        return given is not None and await self._check_token(request, given)

    async def _check_token(self, request: Request, given: str) -> bool:
        address = request.client.host if request.client else "an unknown address"
        if self._wrong.refuses(address):
            raise RequestError(429, "too many wrong tokens from this address: retry in some seconds")
        if self.sessions.is_token(given):
            return True
        await self._wrong.delay(address, WRONG_TOKEN_SECS)
        return False

    # -- pages -----------------------------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        """Serve GET /: the page, or the login form."""
        self._check_host(request)
        return self._file("index.html" if await self._authorize(request) else "login.html")

    async def static(self, request: Request) -> Response:
        """Serve GET /static/NAME: a file of the page."""
        return self._file(request.path_params["name"])

    def _file(self, name: str) -> Response:
        content = self._files.get(name)
        if content is None:
            raise RequestError(404, "no such file")
        return Response(content, media_type=_TYPES[name.rpartition(".")[2]])

    async def login(self, request: Request) -> Response:
        """Serve POST /login: a form with `token`."""
        self._check_host(request)
        data = await read_body(request, MAX_FORM_BYTES)
        given = parse_qs(data.decode("utf-8", "replace")).get("token", [""])[0]
        if not await self._check_token(request, given):
            return self._file("login_failed.html")
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, self.sessions.begin(), SESSION_SECS, httponly=True, samesite="strict", secure=secure)
        return answer

    async def logout(self, request: Request) -> Response:
        """Serve POST /logout: end the session."""
        self.sessions.end(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE)
        return answer

    # -- for machines ----------------------------------------------------------------------------------------------

    async def healthz(self, _request: Request) -> Response:
        """Serve GET /healthz: 200 while the bridge makes progress, else 503 with the reasons."""
        verdict = await asyncio.to_thread(health, self._bridge)
        return json(verdict.value(), 200 if verdict.ok else 503)

    async def readyz(self, request: Request) -> Response:
        """Serve GET /readyz: 200 if the bridge does all of its work, else 503. The reasons require read access."""
        verdict = await asyncio.to_thread(readiness, self._bridge)
        state = verdict.value() if await self._authorize(request) else {"ok": verdict.ok}
        return json(state, 200 if verdict.ok else 503)

    async def metrics(self, _request: Request) -> Response:
        """Serve GET /metrics in the Prometheus text format."""
        return Response(await self._threads.run(metrics_text, self._bridge), media_type=CONTENT_TYPE)

    async def events(self, _request: Request) -> Response:
        """Serve GET /api/events: the state each second, as an event stream."""
        return self._stream(states(self.state, self._stopping))

    async def tail(self, request: Request) -> Response:
        """Serve GET /api/messages?topic=&mapping=: an event stream of messages, filtered by topic text and mapping."""
        asked = request.query_params
        wanted = MessageFilter(asked.get("topic", ""), asked.get("mapping", ""))
        return self._stream(messages(self._tail, wanted, self._stopping))

    def _stream(self, events: AsyncIterator[bytes]) -> Response:
        if self._listeners >= MAX_LISTENERS:
            raise RequestError(503, f"too many listeners (at most {MAX_LISTENERS})")
        self._listeners += 1  # here: others may be admitted before the first event is sent
        return EventStream(events, self._listener_left)

    def _listener_left(self) -> None:
        self._listeners -= 1


class EventStream(StreamingResponse):
    """Response that sends events until the client disconnects, and calls `on_end` then."""

    def __init__(self, events: AsyncIterator[bytes], on_end: Callable[[], None]) -> None:
        super().__init__(events, media_type="text/event-stream")
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_end()


def no_content(_request: Request, _error: Exception) -> Response:
    """Return an empty response for a client that disconnected during its request; it is never read."""
    return Response(status_code=400)


def crashed(_request: Request, error: Exception) -> Response:
    """Log an unexpected exception and return status 500. Only this request fails."""
    log.error("page: %s", type(error).__name__, exc_info=error)
    return json({"error": f"internal error: {type(error).__name__}; the log has details"}, 500)
