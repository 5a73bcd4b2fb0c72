import pytest

from bridge.aws.transport.request import (
    FIRST_CHECK_SECS,
    LONGEST_PAUSE_SECS,
    MAX_PAUSE_SECS,
    InFlightRequest,
    NoResponse,
    RequestAborted,
    RequestStalled,
)
from bridge.aws.transport.timeouts import TransportTimeouts


@pytest.fixture
def request_(clock):
    """1,000 bytes, written and not yet drained."""
    made = InFlightRequest(TransportTimeouts(5.0, 20.0, 30.0), clock)
    made.start(1000)
    made.written += 1000
    made.sent_completely()
    return made


def test_check_while_bytes_leave_does_not_raise(request_, clock):
    for unacknowledged in range(999, 0, -1):
        clock.advance(19)
        request_.check(unacknowledged)
    assert request_.drained == 999


def test_check_without_a_byte_that_leaves_raises_stalled(request_, clock):
    clock.advance(5)
    request_.check(400)
    clock.advance(19.9)
    request_.check(400)
    clock.advance(0.1)
    with pytest.raises(RequestStalled, match="no byte left this machine for 20 s; 600 of 1,000 bytes had left"):
        request_.check(400)


def test_check_with_written_bytes_that_stay_raises_stalled(clock):
    """Bytes that the kernel accepted have not left."""
    request = InFlightRequest(TransportTimeouts(5.0, 20.0, 30.0), clock)
    request.start(100_000)
    for buffered in (1000, 2000, 3000, 4000):
        request.written += 1000
        request.check(buffered)
        clock.advance(5)
    request.written += 1000
    with pytest.raises(RequestStalled):
        request.check(5000)


def test_response_is_due_from_the_drain_on(request_, clock):
    clock.advance(15)
    request_.check(10)
    clock.advance(15)
    request_.check(0)
    clock.advance(29.9)
    request_.check(None)
    clock.advance(0.1)
    with pytest.raises(NoResponse):
        request_.check(None)
    assert request_.measurement().drained_at == 1030


def test_response_is_due_from_the_last_write_without_kernel_figures(request_, clock):
    request_.check(None)
    clock.advance(29.9)
    request_.check(None)
    clock.advance(0.1)
    with pytest.raises(NoResponse):
        request_.check(None)
    assert request_.measurement().drained_at is None


def test_empty_send_buffer_before_the_end_of_the_body_is_no_drain(clock):
    request = InFlightRequest(TransportTimeouts(), clock)
    request.start(1000)
    request.written += 500
    request.check(0)
    assert request.draining
    assert request.measurement().drained_bytes == 500


def test_response_that_comes_early_ends_the_stall(request_, clock):
    clock.advance(19)
    request_.received()
    clock.advance(29)
    request_.check(None)
    assert request_.measurement().answered_at == 1019


def test_pause_grows_with_the_age_of_the_request_within_its_bounds(request_, clock):
    assert request_.pause_secs() == FIRST_CHECK_SECS
    clock.advance(0.06)
    assert request_.pause_secs() == pytest.approx(0.04)
    clock.advance(0.06)
    assert request_.pause_secs() == pytest.approx(0.03)
    clock.advance(10)
    assert request_.pause_secs() == MAX_PAUSE_SECS


def test_pause_after_the_drain_is_long(request_):
    request_.check(0)
    assert request_.pause_secs() == LONGEST_PAUSE_SECS


def test_pause_ends_at_the_deadline(request_, clock):
    clock.advance(19.95)
    assert request_.pause_secs() == pytest.approx(0.05)
    clock.advance(1)
    assert request_.pause_secs() == 0


class Socket:
    shut = 0

    def shut_down(self):
        self.shut += 1


def test_abort_shuts_the_socket_down_and_fails_the_next_check(request_):
    sock = Socket()
    request_.attach(sock)
    request_.abort()
    assert sock.shut == 1
    with pytest.raises(RequestAborted):
        request_.check(0)
    assert isinstance(request_.failure, RequestAborted)


def test_abort_before_there_is_a_socket_shuts_it_down_later(request_):
    request_.abort()
    sock = Socket()
    request_.attach(sock)
    assert sock.shut == 1


def test_limit_stall_ends_a_request_of_which_nothing_was_written(clock):
    request = InFlightRequest(TransportTimeouts(), clock)
    sock = Socket()
    request.attach(sock)
    request.limit_stall(2)
    assert sock.shut == 1


def test_limit_stall_ends_a_request_that_does_not_leave(request_, clock):
    request_.limit_stall(2)
    clock.advance(1.9)
    request_.check(1_000)
    clock.advance(2)
    with pytest.raises(RequestStalled):
        request_.check(1_000)


def test_limit_stall_leaves_the_wait_for_a_response_as_it_is(request_, clock):
    request_.check(0)
    request_.limit_stall(2)
    clock.advance(9.9)
    request_.check(None)
