"""Endpoints of the site itself: the page and its files, and the login."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bridge.web.access.security import COOKIE
from bridge.web.access.sessions import SESSION_SECS, User
from bridge.web.requests import RequestError, json, read_body

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from starlette.requests import Request

    from bridge.web.access.guard import Guard

MAX_FORM_BYTES: Final = 16 * 1024
MAX_NAME_CHARS: Final = 64
_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class SiteEndpoints:
    """Handlers of the page, its files and the login."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        folder = files("bridge.web").joinpath("static")
        # All files are read into memory now, so no request can read a file outside these folders.
        self._files = _files(folder, "") | _files(folder.joinpath("vendor"), "vendor/")

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self.page),
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", guard.look(self.logout), methods=["POST"]),
            Route("/static/{name:path}", self.static),
            Route("/api/session", guard.look(self.session)),
        ]

    async def page(self, request: Request) -> Response:
        """Serve GET /: the page, or the login form."""
        self._guard.check_host(request)
        return self._file("index.html" if await self._guard.user(request) else "login.html")

    async def static(self, request: Request) -> Response:
        """Serve GET /static/NAME: a file of the page."""
        return self._file(request.path_params["name"])

    def _file(self, name: str) -> Response:
        content = self._files.get(name)
        if content is None:
            raise RequestError(404, "no such file")
        return Response(content, media_type=_TYPES[name.rpartition(".")[2]])

    async def login(self, request: Request) -> Response:
        """Serve POST /login: a form with `token` and `name`. The name is for the log of changes."""
        self._guard.check_host(request)
        data = await read_body(request, MAX_FORM_BYTES)
        form = parse_qs(data.decode("utf-8", "replace"))
        role = await self._guard.role_of(request, form.get("token", [""])[0])
        if role is None:
            return self._file("login_failed.html")
        # The log has one line for each change, and the name must not add a line break. So all white space becomes a
        # blank.
        user = User(role, " ".join(form.get("name", [""])[0].split())[:MAX_NAME_CHARS])
        answer = RedirectResponse("/", 303)
        session, secure = self._guard.sessions.begin(user), request.url.scheme == "https"
        # Set `secure` only with HTTPS. Over plain HTTP, which is usual on loopback, a browser discards such a cookie.
        answer.set_cookie(COOKIE, session, SESSION_SECS, httponly=True, samesite="strict", secure=secure)
        return answer

    async def logout(self, request: Request) -> Response:
        """Serve POST /logout: end the session."""
        self._guard.sessions.end(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE)
        return answer

    async def session(self, request: Request) -> Response:
        """Serve GET /api/session: the role (`view` or `edit`) and the name of the client."""
        user: User = request.state.user
        return json({"role": user.role, "name": user.name, "login": self._guard.sessions.needed})


def _files(folder: Traversable, prefix: str) -> dict[str, bytes]:
    """Return the files of a folder of the page, by their path in the URL."""
    if not folder.is_dir():
        return {}
    return {
        prefix + each.name: each.read_bytes() for each in folder.iterdir() if each.name.rpartition(".")[2] in _TYPES
    }
