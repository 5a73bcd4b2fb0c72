"""Flow between snapshots. The test advances the clock."""

import pytest

from bridge.monitoring.flow import RECENT_LOSS_SECS, FlowHistory
from bridge.spool.ledger import LedgerRow
from tests.web.bridges import snapshot, stream


class Plant:
    """A stream with given rates. Like the bridge, it takes a snapshot every five seconds."""

    def __init__(self):
        self.now = 1_000.0
        self.made = self.delivered = 0.0
        self.age = 0.0
        self.history = FlowHistory()
        self.flow = None
        self.more = {}

    def run(self, secs, *, arrive=0.0, deliver=0.0, ages=0.0, **more):
        for _ in range(int(secs / 5)):
            self.now += 5
            self.made += 5 * arrive
            self.delivered = min(self.made, self.delivered + 5 * deliver)
            self.age = max(0.0, self.age + 5 * ages)
            self.look(**more)
        return self.flow.streams["telemetry"]

    def look(self, **more):
        made, delivered = int(self.made), int(self.delivered)
        row = LedgerRow("press", "telemetry", made, delivered, 0, 0, 0, made - delivered)
        status = stream(delivered=delivered, oldest_secs=self.age if made > delivered else 0.0)
        self.flow = self.history.observe(snapshot(**{"ledger": (row,), "streams": (status,), **more}), self.now)


@pytest.fixture
def plant():
    return Plant()


def test_stream_that_delivers_what_arrives_has_no_problem(plant):
    flow = plant.run(600, arrive=10, deliver=10)
    assert (flow.stalled_secs, flow.behind_secs) == (0.0, 0.0)
    assert (flow.received_per_sec, flow.delivered_per_sec) == (10.0, 10.0)


def test_stall_counts_from_the_last_accepted_record(plant):
    plant.run(60, arrive=10, deliver=10)
    flow = plant.run(40, arrive=10)
    assert (flow.stalled_secs, flow.drain_secs) == (40.0, None)
    assert plant.run(5, arrive=10, deliver=10).stalled_secs == 0.0


def test_stall_does_not_count_while_nothing_is_buffered(plant):
    plant.run(60, arrive=10, deliver=10)
    assert plant.run(3_600).stalled_secs == 0.0
    assert plant.run(5, arrive=1).stalled_secs == 5.0


def test_stall_that_the_sender_reports_is_used_unchanged(plant):
    plant.run(10, arrive=1)
    plant.look(streams=(stream(stalled_secs=77.0),))
    assert plant.flow.streams["telemetry"].stalled_secs == 77.0


def test_rates_are_those_of_the_last_minute(plant):
    plant.run(600, arrive=10, deliver=10)
    flow = plant.run(60, arrive=30, deliver=20)
    assert (flow.received_per_sec, flow.delivered_per_sec) == (30.0, 20.0)


def test_rates_are_unknown_at_the_first_snapshot(plant):
    flow = plant.run(5, arrive=10, deliver=10)
    assert (flow.received_per_sec, flow.delivered_per_sec, flow.drain_secs) == (None, None, None)


def test_time_to_drain_is_the_backlog_divided_by_the_rate(plant):
    plant.run(100, arrive=100)
    flow = plant.run(60, arrive=20, deliver=20)
    assert flow.drain_secs == pytest.approx(10_000 / 20)


def test_backlog_that_grows_older_for_five_minutes_falls_behind(plant):
    plant.run(60, arrive=10, deliver=10)
    assert plant.run(230, arrive=10, deliver=5, ages=0.5).behind_secs == 0.0
    flow = plant.run(100, arrive=10, deliver=5, ages=0.5)
    assert 330 <= flow.behind_secs <= 390, "from the minute on in which it began"


def test_backlog_that_is_still_young_does_not_fall_behind(plant):
    assert plant.run(900, arrive=10, deliver=9, ages=0.05).behind_secs == 0.0


def test_backlog_of_constant_age_does_not_fall_behind(plant):
    plant.run(120, arrive=10, ages=1)
    assert plant.run(900, arrive=10, deliver=10).behind_secs == 0.0


def test_backlog_that_shrinks_does_not_fall_behind_although_it_ages(plant):
    """With `live_first`, a backlog that arrived at 100/s may be sent at 50/s. It becomes older, but it also shrinks."""
    plant.run(600, arrive=100, ages=1)
    assert plant.run(900, arrive=10, deliver=60, ages=0.5).behind_secs == 0.0


def test_recovery_after_a_stall_is_not_falling_behind(plant):
    plant.run(60, arrive=10, deliver=10)
    plant.run(290, arrive=10, ages=1)
    assert plant.run(120, arrive=10, deliver=100, ages=-5).behind_secs == 0.0


def test_falling_behind_ends_after_two_minutes_without_growth(plant):
    plant.run(400, arrive=10, deliver=5, ages=0.5)
    assert plant.run(60, arrive=10, deliver=11, ages=-0.1).behind_secs > 0
    assert plant.run(70, arrive=10, deliver=11, ages=-0.1).behind_secs == 0.0


def test_unsubscribed_time_counts_from_the_last_subscribed_snapshot(plant):
    plant.look(subscribed=False)
    assert plant.flow.unsubscribed_secs is None
    plant.run(5)
    assert plant.flow.unsubscribed_secs == 0.0
    plant.run(40, subscribed=False)
    assert plant.flow.unsubscribed_secs == 40.0


def losses(dropped=0, evicted=0):
    return {"ledger": (LedgerRow("press", "telemetry", 10, 0, 0, 0, dropped, 10 - dropped, evicted=evicted),)}


def test_losses_since_the_start_are_reported_for_an_hour(plant):
    plant.look(**losses(dropped=3, evicted=4))
    assert (dict(plant.flow.dropped), plant.flow.evicted) == ({}, 0)
    plant.now += 5
    plant.look(**losses(dropped=5, evicted=5))
    assert (dict(plant.flow.dropped), plant.flow.evicted) == ({"telemetry": 2}, 1)
    plant.now += RECENT_LOSS_SECS - 1
    plant.look(**losses(dropped=5, evicted=5))
    assert plant.flow.evicted == 1
    plant.now += 2
    plant.look(**losses(dropped=5, evicted=5))
    assert (dict(plant.flow.dropped), plant.flow.evicted) == ({}, 0)


def test_losses_of_a_new_stream_are_all_reported(plant):
    plant.look(ledger=())
    plant.look(**losses(dropped=5))
    assert dict(plant.flow.dropped) == {"telemetry": 5}


def rejections(received, dead_lettered):
    return {"ledger": (LedgerRow("press", "telemetry", received, received - dead_lettered, 0, dead_lettered, 0, 0),)}


def test_rejections_are_those_of_the_last_minutes(plant):
    plant.look(**rejections(1_000, 900))
    assert plant.flow.rejections["press"] == (0, 0)
    plant.now += 5
    plant.look(**rejections(1_020, 912))
    assert plant.flow.rejections["press"] == (20, 12)
    for _ in range(3):
        plant.now += 300
        plant.look(**rejections(1_020, 912))
    assert plant.flow.rejections["press"] == (0, 0)


def test_replay_that_lowers_the_counts_gives_no_negative_counts(plant):
    plant.look(**rejections(100, 50))
    plant.now += 5
    plant.look(**rejections(60, 10))
    assert plant.flow.rejections["press"] == (0, 0)
