"""Thread that serves the page, the metrics and the health checks. No failure in this thread stops the bridge."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bridge.web.connections import KEEP_ALIVE_SECS, PageListener
from bridge.web.limited_log_lines import LimitedLines

if TYPE_CHECKING:
    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.web.settings import HttpSettings

log = logging.getLogger(__name__)

TRY_AGAIN_SECS: Final = 5.0
"""Time until the next attempt to listen, if the port is not free."""
GRACE_SECS: Final = 1
"""Time for the requests that are being processed when the page stops."""
BACKLOG: Final = 128
LIMITED_LOGGERS: Final = ("uvicorn.error", "asyncio")
"""Loggers in which any client of the page can cause log lines."""


def open_listener(host: str, port: int) -> PageListener:
    """Return a listening socket. Clients may connect before the server runs, and then wait. Raise OSError."""
    listener = PageListener(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        # A restart must not wait until old connections have left TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class WebServer:
    """Web server of the page. A thread calls `run`, which returns after another thread has called `stop`.

    `problem` is the reason why the page is not served, or "" while it is served.
    """

    listener: PageListener | None = None
    """Listening socket to use, set before `run` is called. If it is None, `run` opens a socket for `http.listen`."""

    def __init__(self, bridge: RunningBridge, settings: HttpSettings) -> None:
        self.problem = ""
        self.port = settings.port
        self._bridge = bridge
        self._settings = settings
        self._stopping = threading.Event()
        self._server: Any = None

    def run(self) -> None:
        """Listen as soon as the port is free, and serve until `stop` is called. An error ends only the page."""
        try:
            self._serve_until_stopped()
        except Exception:
            log.exception("the page ended with an error; the bridge continues without it")
            self.problem = "it ended with an error: see the log"

    def _serve_until_stopped(self) -> None:
        while not self._stopping.is_set():
            try:
                listener = self._listen()
            except OSError as error:
                self._cannot(f"http.listen {self._settings.host}:{self._settings.port}: {error.strerror or error}")
                # The previous process of the bridge may still have the port, for example during a restart.
                self._stopping.wait(TRY_AGAIN_SECS)
                continue
            self.problem = ""
            self.port = listener.getsockname()[1]
            with listener:
                asyncio.run(self._serve(listener))

    def stop(self) -> None:
        """Make `run` return. Event streams end at once; other requests are completed."""
        self._stopping.set()
        if self._server is not None:
            self._server.end()

    def _cannot(self, problem: str) -> None:
        if problem != self.problem:
            log.error("the page is not served: %s; the bridge continues without it", problem)
        self.problem = problem

    def _listen(self) -> PageListener:
        given, self.listener = self.listener, None
        return given or open_listener(self._settings.host, self._settings.port)

    async def _serve(self, listener: PageListener) -> None:
        import uvicorn  # noqa: PLC0415 - importing it earlier would delay the start by 0.1 s

        from bridge.web.app import web_app  # noqa: PLC0415 - as above
        from bridge.web.page_protocol import PageProtocol  # noqa: PLC0415 - as above
        from bridge.web.playground import Playground  # noqa: PLC0415 - as above
        from bridge.web.stoppable_server import StoppableServer  # noqa: PLC0415 - as above

        playground = Playground(self._bridge.mappings.folder)
        # Event streams never end by themselves and would delay the shutdown. So they poll `self._stopping`.
        app = web_app(self._bridge, self._settings, playground, self._stopping.is_set)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            loop="asyncio",
            http=partial(PageProtocol, listener.connections),  # type: ignore[arg-type]  # called as the class is
            # The page uses server-sent events, so no WebSocket library is imported.
            ws="none",
            # Do not show clients which server software this is.
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECS,
            timeout_graceful_shutdown=GRACE_SECS,
            ssl_certfile=str(self._settings.cert_file) if self._settings.cert_file else None,
            ssl_keyfile=str(self._settings.key_file) if self._settings.key_file else None,
        )
        # uvicorn would log its start and its end, which the bridge logs itself.
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        for name in LIMITED_LOGGERS:
            logging.getLogger(name).addFilter(LimitedLines())
        self._server = StoppableServer(config, listener.connections.end_late)
        if self._stopping.is_set():
            # `stop` was called before the server existed.
            return
        log.info("status page listening", extra={"url": self.url})
        try:
            await self._server.serve(sockets=[listener])
        finally:
            await playground.end()

    @property
    def url(self) -> str:
        """URL of the page."""
        scheme = "https" if self._settings.cert_file else "http"
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"{scheme}://{host}:{self.port}/"
