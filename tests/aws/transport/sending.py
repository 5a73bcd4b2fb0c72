"""Clock that tests advance, and functions that send requests by a ProgressSession."""

import threading
import time

from botocore.awsrequest import AWSRequest

from bridge.aws.transport.measurement import RequestRecording
from bridge.aws.transport.requests_in_flight import RequestsInFlight
from bridge.aws.transport.session import ProgressSession
from bridge.aws.transport.timeouts import TransportTimeouts

PATIENT = TransportTimeouts(connect_timeout_secs=20.0)
"""The other time-outs are measured by the clock of the test."""
FOREVER = TransportTimeouts(1000.0, 1000.0, 1000.0)


class Clock:
    """Clock whose time changes only by `advance`."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def advance(self, secs):
        self.now += secs


class Running(Clock):
    """Return a clock that advances by a second every 10 ms, until the end of the block."""

    def __enter__(self):
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _run(self):
        while not self._ended.wait(0.01):
            self.advance(1.0)


def session_with(clock=None, timeouts=PATIENT, in_flight=None, **options):
    return ProgressSession(timeouts, in_flight or RequestsInFlight(), **({"clock": clock} if clock else {}), **options)


def prepared(url, size):
    return AWSRequest(method="POST", url=url, data=b"x" * size, headers={"Host": "kinesis"}).prepare()


def post(session, url, size=1000):
    """Return (response or error, measurement)."""
    with RequestRecording() as recording:
        try:
            result = session.send(prepared(url, size))
        except Exception as error:  # noqa: BLE001 - the tests look at it
            result = error
    return result, recording.measurement


class Posting(threading.Thread):
    """Request that another thread sends. `outcome()` returns the result of `post`."""

    def __init__(self, *args):
        super().__init__()
        self._args = args
        self._outcome = None
        self.start()

    def run(self):
        self._outcome = post(*self._args)

    def outcome(self):
        self.join(30)
        assert not self.is_alive(), "the request has not ended"
        return self._outcome


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
