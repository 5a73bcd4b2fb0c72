"""Filters whose SUBSCRIBE may have ended a connection: when they are omitted, and for how long."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.mqtt.suspect_filters import FIRST_DELAY_SECS, MAX_DELAY_SECS, RETRY_QOS_SECS, STRIKES, SuspectFilters


def test_suspect_is_omitted_after_three_ends_while_it_was_alone():
    suspects = SuspectFilters()
    assert [suspects.add(["a"]) for _ in range(STRIKES)] == [[], [], ["a"]]


def test_suspect_is_omitted_earlier_if_the_broker_sends_disconnect():
    suspects = SuspectFilters()
    assert [suspects.add(["a"], weight=2) for _ in range(2)] == [[], ["a"]]


@given(st.lists(st.sets(st.sampled_from("abcd"), min_size=2), max_size=20))
def test_suspects_in_one_subscribe_never_reach_the_limit(requests):
    suspects = SuspectFilters()
    # Any of them may be the cause, so none may be omitted, however often the connection ends.
    assert [suspects.add(texts, STRIKES) for texts in requests] == [[]] * len(requests)
    assert all(text in suspects for texts in requests for text in texts)


def test_suspects_of_an_empty_subscribe_are_none():
    suspects = SuspectFilters()
    assert suspects.add([]) == []
    assert "a" not in suspects


def test_suspect_filters_given_as_an_iterator_are_all_recorded():
    suspects = SuspectFilters()
    assert suspects.add(iter(["a", "b"])) == []
    assert "a" in suspects
    assert "b" in suspects


def test_suspect_pauses_double_up_to_the_maximum():
    suspects = SuspectFilters()
    suspects.add(["a"], STRIKES)
    delays = [suspects.next_delay("a") for _ in range(9)]
    assert delays[:3] == [FIRST_DELAY_SECS, 2 * FIRST_DELAY_SECS, 4 * FIRST_DELAY_SECS]
    assert delays[-2:] == [MAX_DELAY_SECS, MAX_DELAY_SECS]
    assert delays == sorted(delays)


def test_suspect_after_its_pause_is_omitted_again_after_one_end():
    suspects = SuspectFilters()
    suspects.add(["a"], STRIKES)
    suspects.next_delay("a")
    assert suspects.add(["a"]) == ["a"]


def test_suspect_with_a_response_begins_again_with_the_first_pause():
    suspects = SuspectFilters()
    suspects.next_delay("a")
    suspects.next_delay("a")
    suspects.clear("a")
    assert "a" not in suspects
    assert suspects.add(["a"]) == []
    assert suspects.next_delay("a") == FIRST_DELAY_SECS


def test_suspect_qos_is_lowered_once_from_2_to_1():
    suspects = SuspectFilters()
    suspects.add(["a"], STRIKES)
    assert not suspects.lower_qos("a", 1, 0.0)
    assert suspects.lower_qos("a", 2, 0.0)
    assert [suspects.qos_for("a", qos) for qos in (0, 1, 2)] == [0, 1, 1]
    assert suspects.qos_for("b", 2) == 2
    # The filter gets all its attempts again with the lower QoS.
    assert [suspects.add(["a"]) for _ in range(STRIKES)] == [[], [], ["a"]]
    assert not suspects.lower_qos("a", 2, 0.0)


def test_suspect_qos_is_restored_after_an_hour_with_one_attempt():
    suspects = SuspectFilters()
    suspects.lower_qos("a", 2, 100.0)
    suspects.restore_qos(100.0 + RETRY_QOS_SECS)
    assert suspects.qos_for("a", 2) == 1
    suspects.restore_qos(100.0 + RETRY_QOS_SECS + 0.5)
    assert suspects.qos_for("a", 2) == 2
    assert suspects.add(["a"]) == ["a"]
    assert suspects.lower_qos("a", 2, 5_000.0)


def test_suspect_pause_and_qos_are_reset_after_a_reload():
    suspects = SuspectFilters()
    suspects.next_delay("a")
    suspects.lower_qos("a", 2, 0.0)
    suspects.forget_delays()
    assert suspects.qos_for("a", 2) == 2
    assert suspects.next_delay("a") == FIRST_DELAY_SECS
