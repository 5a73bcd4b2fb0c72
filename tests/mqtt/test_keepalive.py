import pytest

from bridge.mqtt.keepalive import Keepalive


@pytest.mark.parametrize(("configured", "server", "used"), [(30, None, 30), (30, 0, 30), (30, 10, 10), (30, 600, 30)])
def test_keepalive_is_the_shorter_interval_and_0_disables_it(configured, server, used):
    keepalive = Keepalive(float(configured), 0.0)
    keepalive.on_accepted(server, 0.0)
    assert keepalive.interval_secs == used


def test_pings_are_due_twice_an_interval_whether_data_arrives_or_not():
    keepalive = Keepalive(30.0, 0.0)
    keepalive.on_received(14.0)
    assert [now for now in range(100) if keepalive.ping_due(float(now))] == [15, 30, 45, 60, 75, 90]


@pytest.mark.parametrize(("interval", "limit"), [(30.0, 45.0), (5.0, 8.0), (1.0, 4.0)])
def test_peer_is_dead_after_a_silence_that_leaves_time_for_a_response(interval, limit):
    keepalive = Keepalive(interval, 0.0)
    keepalive.on_received(100.0)
    assert keepalive.silent_secs(100.0 + limit) is None
    assert keepalive.silent_secs(101.0 + limit) == limit + 1.0
