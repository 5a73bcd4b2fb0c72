from bridge.mqtt.client_id_conflict import WINDOW_SECS, ClientIdConflict


def test_a_broker_that_closes_once_or_twice_is_no_reason_to_suspect_anybody():
    rival = ClientIdConflict()
    rival.record_close(0.0, told=False)
    rival.record_close(1.0, told=False)
    assert rival.problem == ""
    rival.record_close(1.0 + WINDOW_SECS, told=False)
    assert rival.problem == ""


def test_three_closed_sessions_in_ten_minutes_are_until_ten_minutes_are_calm():
    rival = ClientIdConflict()
    for now in (0.0, 5.0, 10.0):
        rival.record_close(now, told=False)
    assert rival.problem.startswith("the broker closed the session 3 times in the last 10 minutes")
    assert "mqtt.client_id; give each bridge its own" in rival.problem
    assert not rival.certain
    rival.look(10.0 + WINDOW_SECS + 1)
    assert rival.problem == ""


def test_a_broker_that_was_away_in_between_was_restarting():
    rival = ClientIdConflict()
    for now in (0.0, 5.0):
        rival.record_close(now, told=False)
    rival.broker_away()
    rival.record_close(10.0, told=False)
    assert rival.problem == ""


def test_a_broker_that_says_so_is_believed_at_once_and_even_if_it_goes_away():
    rival = ClientIdConflict()
    rival.record_close(0.0, told=True)
    rival.broker_away()
    rival.look(1.0)
    assert rival.problem.startswith(
        "another client uses the same mqtt.client_id: the broker threw this one out, once in"
    )
    assert rival.certain
    rival.look(WINDOW_SECS + 1)
    assert (rival.problem, rival.certain) == ("", False)


def test_five_resets_are_told_with_both_causes_and_do_not_count_as_a_rival():
    rival = ClientIdConflict()
    for now in (0.0, 10.0, 20.0, 30.0):
        rival.record_close(now, told=False, reset=True)
    assert rival.problem == ""
    rival.record_close(40.0, told=False, reset=True)
    assert rival.problem.startswith("the session was reset or closed 5 times in the last 10 minutes")
    assert "either another one uses the same mqtt.client_id, or something between resets connections" in rival.problem
    assert (rival.likely, rival.certain) == (False, False)


def test_under_load_closes_and_resets_come_mixed_and_three_closes_are_enough():
    rival = ClientIdConflict()
    for now, reset in enumerate((True, False, True, False, True)):
        rival.record_close(float(now), told=False, reset=reset)
    assert rival.problem.startswith("the session was reset or closed 5 times")
    rival.record_close(6.0, told=False)
    assert rival.problem.startswith("the broker closed the session 6 times")
    assert rival.likely


def test_a_flapping_link_is_no_rival_as_the_broker_is_away_now_and_then():
    rival = ClientIdConflict()
    for now in range(20):
        rival.record_close(now * 10.0, told=False, reset=True)
        if now % 4 == 3:
            rival.broker_away()
    assert rival.problem == ""
