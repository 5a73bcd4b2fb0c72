import threading

import pytest

from bridge.aws.transport.measurement import RequestProgress, RequestRecording
from bridge.aws.transport.request import InFlightRequest
from bridge.aws.transport.timeouts import TransportTimeouts
from tests.aws.transport.scripted_server import SMALL_WINDOW_BYTES, ScriptedServer
from tests.aws.transport.sending import prepared, session_with
from tests.harness.prerequisites import require_linux


@pytest.fixture
def recorded(clock):
    """(request of 1,000 bytes, the reported progress)"""
    reported = []
    with RequestRecording(reported.append):
        request = InFlightRequest(TransportTimeouts(), clock)
    request.start(1000)
    request.written += 1000
    return request, reported


def test_bytes_that_leave_are_reported_once(recorded):
    request, reported = recorded
    request.check(1000)
    request.check(400)
    request.check(400)
    assert reported == [RequestProgress(1000, 600, drained=False)]


def test_end_of_sending_is_reported_once(recorded):
    request, reported = recorded
    request.sent_completely()
    request.check(400)
    request.check(0)
    request.check(0)
    assert reported == [RequestProgress(1000, 600, drained=False), RequestProgress(1000, 1000, drained=True)]


def test_bytes_that_tls_added_are_not_reported(recorded):
    request, reported = recorded
    request.written += 22
    request.check(10)
    assert reported == [RequestProgress(1000, 1000, drained=False)]


def test_progress_without_figures_of_the_kernel_is_not_reported(recorded):
    request, reported = recorded
    request.sent_completely()
    request.check(None)
    assert reported == []


def test_request_without_a_listener_is_not_reported(clock):
    with RequestRecording():
        request = InFlightRequest(TransportTimeouts(), clock)
    request.start(1000)
    request.written += 1000
    request.check(0)
    assert request.drained == 1000


def test_end_of_sending_is_reported_before_the_response(scheme):
    require_linux()
    for_server, for_session = scheme
    left, reported = threading.Event(), []

    def script(connection):
        connection.read_request()
        assert left.wait(30)
        connection.respond()

    def on_progress(progress):
        reported.append(progress)
        if progress.drained:
            left.set()

    with ScriptedServer(script, window_bytes=SMALL_WINDOW_BYTES, **for_server) as server:
        session = session_with(**for_session)
        with RequestRecording(on_progress) as recording:
            response = session.send(prepared(server.url, 300_000))
        session.close()
    assert response.status_code == 200
    size = recording.measurement.request_bytes
    assert reported[-1] == RequestProgress(size, size, drained=True)
    assert [each.drained for each in reported[:-1]] == [False] * (len(reported) - 1)
