from bridge.aws.transport.requests_in_flight import InFlightBytes, RequestsInFlight


class Request:
    """A request that records the calls of the registry. `on_abort` is called by `abort`."""

    def __init__(self, size=0, drained=0, on_abort=None):
        self.size, self.drained, self._on_abort = size, drained, on_abort
        self.calls = []

    def abort(self):
        self.calls.append("abort")
        if self._on_abort is not None:
            self._on_abort()

    def limit_stall(self, secs):
        self.calls.append(secs)


def registry(*requests):
    made = RequestsInFlight()
    for each in requests:
        made.add(each)
    return made


def test_abort_ends_each_request_that_has_not_ended():
    ended, first, second = Request(), Request(), Request()
    made = registry(ended, first, second)
    made.remove(ended)
    made.abort()
    assert [each.calls for each in (ended, first, second)] == [[], ["abort"], ["abort"]]


def test_abort_permits_that_requests_end_and_begin_meanwhile():
    made = RequestsInFlight()
    late = Request()

    def end():
        made.remove(request)
        made.add(late)

    request = Request(on_abort=end)
    made.add(request)
    made.abort()
    assert (request.calls, late.calls) == (["abort"], ["abort"])


def test_request_after_an_abort_or_a_limit_is_ended_at_once():
    for stop in (RequestsInFlight.abort, lambda made: made.limit_stall(5.0)):
        made, late = registry(), Request()
        stop(made)
        made.add(late)
        assert late.calls == ["abort"]
        made.remove(late)
        assert made.progress().requests == 0


def test_limit_applies_to_each_request_in_flight():
    first, second = Request(), Request()
    made = registry(first, second)
    made.limit_stall(2.5)
    made.abort()
    assert first.calls == second.calls == [2.5, "abort"]


def test_progress_is_the_sum_over_the_requests():
    # The drained bytes include the overhead of TLS, so they can exceed the size.
    first, second = Request(100, 120), Request(50, 10)
    made = registry(first, second, Request())
    assert made.progress() == InFlightBytes(requests=3, request_bytes=150, drained_bytes=110)
    made.remove(first)
    assert made.progress() == InFlightBytes(2, 50, 10)


def test_request_may_be_removed_twice():
    request = Request(1)
    made = registry(request)
    made.remove(request)
    made.remove(request)
    assert made.progress() == (0, 0, 0)
