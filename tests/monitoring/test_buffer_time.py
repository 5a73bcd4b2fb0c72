import pytest

from bridge.monitoring.buffer_time import buffer_hours
from bridge.monitoring.flow import Flow
from bridge.monitoring.stream_flow import StreamFlow
from bridge.spool.ledger import LedgerRow
from tests.web.bridges import snapshot

MIB = 1024**2


def room(**changes):
    """Return a snapshot after 100 payloads of 900 bytes. With its overhead, each record needs 1,000 bytes."""
    return snapshot(**{"payload_bytes": 90_000, "spool_bytes": 0, "spool_max_bytes": 7_200_000, **changes})


def flow(received, delivered, stalled=0.0, name="telemetry"):
    return {name: StreamFlow(name, stalled, received_per_sec=received, delivered_per_sec=delivered)}


@pytest.mark.parametrize(
    ("streams", "hours"),
    [
        (flow(1.0, 0.0), 2.0),  # 7.2 MB at 1,000 bytes per second
        (flow(3.0, 1.0), 1.0),
        (flow(1.0, 1.0), None),
        (flow(1.0, 5.0), None),
        (flow(None, None), None),
        (flow(1.0, 0.5, stalled=30.0), 2.0),  # the rate of 0.5 is from the time before the stall
        (flow(1.0, 0.0) | flow(1.0, 0.0, name="archive"), 1.0),
    ],
)
def test_buffer_hours_follow_the_growth_of_the_backlog(streams, hours):
    assert buffer_hours(room(), Flow(streams=streams)) == (hours if hours is None else pytest.approx(hours))


def test_buffer_hours_depend_on_free_disk_space():
    limited = room(disk_free_bytes=4_600_000, spool_min_free_bytes=1_000_000)
    assert buffer_hours(limited, Flow(streams=flow(1.0, 0.0))) == pytest.approx(1.0)


def test_buffer_hours_of_a_full_spool_are_zero():
    assert buffer_hours(room(spool_bytes=8_000_000), Flow(streams=flow(1.0, 0.0))) == 0.0


def test_record_bytes_are_measured_where_the_spool_is_large():
    row = LedgerRow("press", "telemetry", 500_000, 0, 0, 0, 0, 500_000)
    large = room(ledger=(row,), spool_bytes=101 * MIB, dead_letter_bytes=MIB)
    assert large.record_bytes == pytest.approx(100 * MIB / 500_000)
    assert room(ledger=(row,), spool_bytes=MIB).record_bytes == 1_000.0


def test_record_bytes_are_unknown_before_the_first_message():
    assert room(received_messages=0).record_bytes == 0.0
    assert buffer_hours(room(received_messages=0), Flow(streams=flow(1.0, 0.0))) is None
