"""Requests over a real thin link: two network namespaces, with `tc tbf` between them."""

import ssl
from pathlib import Path

import pytest

from bridge.aws.network_errors import network_error
from bridge.aws.transport.request import RequestStalled
from bridge.aws.transport.requests_in_flight import RequestsInFlight
from bridge.aws.transport.timeouts import TransportTimeouts
from bridge.errors import OutcomeUnknown
from tests.aws.transport.scripted_server import ScriptedServer, respond_always
from tests.aws.transport.sending import Posting, session_with, wait_until
from tests.faults.link_fixture import Link, go_into
from tests.harness.certificates import Authority
from tests.harness.prerequisites import require_thin_links

SIZE = 60_000
BYTES_PER_SEC = 8000


QUEUE = "burst 4096 latency 4000ms"


@pytest.fixture
def link():
    """Yield a network namespace whose uplink carries 8,000 bytes a second."""
    require_thin_links()
    with Link() as made:
        made.run(f"tc qdisc add dev uplink root tbf rate {BYTES_PER_SEC * 8}bit {QUEUE}")
        yield made


class PostingFromTheEdge(Posting):
    """Request whose sockets are in the network namespace.

    It needs a thread, because setns(2) applies only to its caller.
    """

    def __init__(self, link, *args):
        self._edge = Path("/run/netns", link.edge)
        super().__init__(*args)

    def run(self):
        go_into(self._edge)
        super().run()


@pytest.fixture(params=["http", "https"])
def ends(request, tmp_path):
    """(options of a ScriptedServer, options of a ProgressSession)"""
    if request.param == "http":
        return {}, {}
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server(address=Link.address))
    return {"tls": context}, {"verify": str(authority.ca_file)}


def test_request_that_takes_seconds_to_leave_outlasts_the_stall_timeout(link, ends):
    for_server, for_session = ends
    with ScriptedServer(respond_always, host=link.address, **for_server) as server:
        session = session_with(timeouts=TransportTimeouts(20.0, 2.0, 20.0), **for_session)
        response, measurement = PostingFromTheEdge(link, session, server.url, SIZE).outcome()
        session.close()
    assert response.status_code == 200
    assert measurement.drained_bytes == measurement.request_bytes
    sending_secs = (measurement.drained_at or measurement.answered_at) - measurement.started_at
    assert sending_secs > 3 * 2.0
    assert measurement.request_bytes / sending_secs < 1.2 * BYTES_PER_SEC


def test_link_that_goes_down_stalls_the_request(link):
    in_flight = RequestsInFlight()
    with ScriptedServer(respond_always, host=link.address) as server:
        session = session_with(timeouts=TransportTimeouts(20.0, 2.0, 20.0), in_flight=in_flight)
        posting = PostingFromTheEdge(link, session, server.url, SIZE)
        wait_until(lambda: in_flight.progress().drained_bytes > 10_000)
        link.down()
        error, measurement = posting.outcome()
        link.up()
    assert isinstance(error.kwargs["error"], RequestStalled)
    assert isinstance(network_error(error), OutcomeUnknown)
    assert 10_000 < measurement.drained_bytes < SIZE
