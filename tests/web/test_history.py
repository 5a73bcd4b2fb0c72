from bridge.spool.ledger import LedgerRow
from bridge.web.history import MAX_SERIES, POINTS, History
from tests.web.bridges import snapshot, stream


def at(messages, received=0, waiting=0):
    ledger = (LedgerRow("press", "telemetry", received, 0, 0, 0, 0, waiting),)
    return snapshot(received_messages=messages, ledger=ledger, streams=(stream(delivered=received),))


def test_point_is_a_rate_and_the_first_look_is_none():
    history = History()
    history.add(at(100), 0.0)
    assert history.value()["series"] == {}
    history.add(at(150, received=20, waiting=7), 10.0)
    series = history.value()["series"]
    assert (series["messages"], series["mapping press"], series["backlog"]) == ([5.0], [2.0], [7.0])


def test_what_begins_later_has_as_many_points_as_the_rest():
    history = History()
    history.add(snapshot(received_messages=0, streams=()), 0.0)
    history.add(snapshot(received_messages=10, streams=()), 10.0)
    history.add(snapshot(received_messages=20, streams=(stream("late", delivered=0),)), 20.0)
    assert history.value()["series"]["stream late"] == [0.0, 0.0]


def test_hour_is_stored_and_the_series_are_bounded():
    history = History()
    for number in range(POINTS + 50):
        history.add(at(number), number * 10.0)
    assert len(history.value()["series"]["messages"]) == POINTS
    many = tuple(LedgerRow(f"m{number}", "s", 1, 0, 0, 0, 0, 0) for number in range(MAX_SERIES + 100))
    history.add(snapshot(ledger=many), 1e6)
    assert len(history.value()["series"]) == MAX_SERIES
