"""Snapshots for tests of the curves, and the points of a curve."""

from math import isnan

from bridge.histogram import Histogram
from bridge.spool.ledger import LedgerRow
from tests.web.bridges import snapshot, stream

AT = 1_800_000_000.0
"""Time at which a step of every resolution begins."""


def at(received=0, spooled=0, timed=None, **changes):
    ledger = (LedgerRow("press", "telemetry", received, received - spooled, 0, 0, 0, spooled),)
    latency = (timed or Histogram()).value()
    streams = (stream(delivered=received - spooled),)
    return snapshot(received_messages=received, ledger=ledger, streams=streams, receive_to_delivered=latency, **changes)


def fed(curves, secs, start=AT, rate=10, first=0):
    """Add a snapshot every 5 seconds of a bridge that receives and delivers `rate` records a second."""
    for each in range(0, secs + 1, 5):
        curves.add(at(first + rate * each), start + each, start + each)


def points(curves, name="delivered", wanted="15m"):
    return [each for each in curves.value(wanted)["series"][name] if not isnan(each)]
