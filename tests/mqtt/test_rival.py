from bridge.mqtt.rival import WINDOW_SECS, Rival


def test_a_broker_that_closes_once_or_twice_is_no_reason_to_suspect_anybody():
    rival = Rival()
    rival.session_ended(0.0, told=False)
    rival.session_ended(1.0, told=False)
    assert rival.problem == ""
    rival.session_ended(1.0 + WINDOW_SECS, told=False)
    assert rival.problem == ""


def test_three_closed_sessions_in_ten_minutes_are_until_ten_minutes_are_calm():
    rival = Rival()
    for now in (0.0, 5.0, 10.0):
        rival.session_ended(now, told=False)
    assert rival.problem.startswith("the broker closed the session 3 times in the last 10 minutes")
    assert "mqtt.client_id; give each bridge its own" in rival.problem
    assert not rival.certain
    rival.look(10.0 + WINDOW_SECS + 1)
    assert rival.problem == ""


def test_a_broker_that_was_away_in_between_was_restarting():
    rival = Rival()
    for now in (0.0, 5.0):
        rival.session_ended(now, told=False)
    rival.broker_away()
    rival.session_ended(10.0, told=False)
    assert rival.problem == ""


def test_a_broker_that_says_so_is_believed_at_once_and_even_if_it_goes_away():
    rival = Rival()
    rival.session_ended(0.0, told=True)
    rival.broker_away()
    rival.look(1.0)
    assert rival.problem.startswith(
        "another client uses the same mqtt.client_id: the broker threw this one out, once in"
    )
    assert rival.certain
    rival.look(WINDOW_SECS + 1)
    assert (rival.problem, rival.certain) == ("", False)
