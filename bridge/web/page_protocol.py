"""HTTP/1.1 of the page: uvicorn's protocol, extended so that `connections.py` can read its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from bridge.web.connections import Connections


class PageProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol for one connection, registered in `connections`."""

    def __init__(self, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._connections = connections

    @property
    def busy(self) -> bool:
        """True while the server processes a complete request."""
        answering = self.cycle is not None and not self.cycle.response_complete
        # `cycle` is uvicorn's object for one request. uvicorn creates it when it has read the head of the request. The
        # client's state is SEND_BODY until the client has sent the body, and IDLE before its next request.
        return answering and self.conn.their_state not in (h11.IDLE, h11.SEND_BODY)

    @property
    def reads_body(self) -> bool:
        """True while the body of a request is incomplete."""
        return bool(self.conn.their_state is h11.SEND_BODY)

    @property
    def write_paused(self) -> bool:
        """True while the client does not read the response."""
        return self.flow is not None and self.flow.write_paused

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to serve a connection. With TLS, asyncio calls this after the handshake."""
        super().connection_made(transport)
        self._connections.served(transport.get_extra_info("socket").fileno(), self)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._connections.answered(self)
        super().on_response_complete()
