from bridge.mqtt.subscriptions import Subscriptions


def granted(subscriptions, *codes):
    """Ask for what is to be asked, and answer with these codes."""
    asked = subscriptions.changes().subscribe
    subscriptions.on_subscribe_sent(1, asked)
    return subscriptions.on_suback(1, [(code, f"code {code}") for code in codes or [1] * len(asked)])


def test_what_is_wanted_is_asked_for_once():
    subscriptions = Subscriptions()
    subscriptions.set_filters({"a/#": 1, "b": 2})
    assert subscriptions.changes() == ([("a/#", 1), ("b", 2)], [])
    subscriptions.on_subscribe_sent(7, [("a/#", 1), ("b", 2)])
    assert subscriptions.changes() == ([], [])
    assert subscriptions.waiting
    assert not subscriptions.complete
    assert subscriptions.on_suback(7, [(1, ""), (2, "")]) == []
    assert subscriptions.complete
    assert not subscriptions.waiting


def test_a_share_group_stands_before_every_filter():
    subscriptions = Subscriptions(share="line3")
    subscriptions.set_filters({"a/#": 1})
    assert subscriptions.changes().subscribe == [("$share/line3/a/#", 1)]


def test_a_reload_asks_only_for_the_difference():
    subscriptions = Subscriptions()
    subscriptions.set_filters({"a": 1, "b": 1})
    granted(subscriptions)
    subscriptions.set_filters({"b": 1, "c": 1})
    assert subscriptions.changes() == ([("c", 1)], ["a"])


def test_another_qos_is_asked_for():
    subscriptions = Subscriptions()
    subscriptions.set_filters({"a": 0})
    granted(subscriptions)
    subscriptions.set_filters({"a": 1})
    assert subscriptions.changes().subscribe == [("a", 1)]


def test_another_qos_is_asked_for_even_where_the_reload_came_before_the_answer():
    subscriptions = Subscriptions()
    subscriptions.set_filters({"a": 0})
    subscriptions.on_subscribe_sent(1, [("a", 0)])
    subscriptions.set_filters({"a": 1})
    subscriptions.on_suback(1, [(0, "")])
    assert subscriptions.changes().subscribe == [("a", 1)]


def test_a_lower_qos_granted_is_not_asked_for_again():
    subscriptions = Subscriptions()
    subscriptions.set_filters({"a": 2})
    assert granted(subscriptions, 0) == []
    assert subscriptions.changes() == ([], [])


def test_a_refusal_is_told_and_asked_again_only_when_due():
    subscriptions = Subscriptions()
    subscriptions.set_filters({"a": 1, "secret/#": 1})
    assert granted(subscriptions, 1, 0x87) == ["secret/#"]
    assert subscriptions.refused == {"secret/#": "code 135"}
    assert subscriptions.changes() == ([], [])
    assert not subscriptions.complete
    subscriptions.retry_refused()
    assert subscriptions.changes().subscribe == [("secret/#", 1)]


def test_what_an_earlier_run_left_in_the_session_is_unsubscribed():
    subscriptions = Subscriptions(maybe_subscribed={"old/#", "a"})
    subscriptions.set_filters({"a": 1})
    subscriptions.connected(session_present=True)
    assert subscriptions.changes() == ([("a", 1)], ["old/#"])
    subscriptions.on_unsubscribe_sent(3, ["old/#"])
    assert subscriptions.changes().unsubscribe == []
    assert "old/#" in subscriptions.maybe_subscribed
    subscriptions.on_unsuback(3)
    assert "old/#" not in subscriptions.maybe_subscribed


def test_a_session_that_is_gone_holds_nothing():
    subscriptions = Subscriptions(maybe_subscribed={"old/#"})
    subscriptions.set_filters({"a": 1})
    subscriptions.connected(session_present=False)
    assert subscriptions.changes() == ([("a", 1)], [])
    assert subscriptions.maybe_subscribed == set()


def test_a_filter_that_was_refused_may_still_be_held_from_before():
    subscriptions = Subscriptions(maybe_subscribed={"a"})
    subscriptions.set_filters({"a": 1})
    subscriptions.connected(session_present=True)
    granted(subscriptions, 0x80)
    subscriptions.set_filters({})
    assert subscriptions.changes().unsubscribe == ["a"]


def test_an_unsubscription_that_fails_with_the_connection_is_tried_again():
    subscriptions = Subscriptions(maybe_subscribed={"old"})
    subscriptions.connected(session_present=True)
    subscriptions.on_unsubscribe_sent(3, ["old"])
    subscriptions.connected(session_present=True)
    assert subscriptions.changes().unsubscribe == ["old"]


def test_a_filter_wanted_again_while_it_is_being_dropped_is_subscribed_afterwards():
    subscriptions = Subscriptions()
    subscriptions.set_filters({"a": 1})
    granted(subscriptions)
    subscriptions.set_filters({})
    subscriptions.on_unsubscribe_sent(2, ["a"])
    subscriptions.set_filters({"a": 1})
    subscriptions.on_unsuback(2)
    assert subscriptions.changes().subscribe == [("a", 1)]
    assert "a" in subscriptions.maybe_subscribed


def test_every_connection_asks_for_everything_again():
    subscriptions = Subscriptions()
    subscriptions.set_filters({"a": 1, "b": 1})
    granted(subscriptions, 1, 0x80)
    subscriptions.connected(session_present=True)
    assert subscriptions.changes().subscribe == [("a", 1), ("b", 1)]
    assert subscriptions.refused == {}


def test_where_all_is_granted_an_answer_or_a_wish_is_looked_at_again():
    subscriptions = Subscriptions()
    subscriptions.set_filters({"a": 1})
    granted(subscriptions)
    assert subscriptions.changes() == subscriptions.changes() == ([], [])
    subscriptions.connected(session_present=True)
    assert subscriptions.changes().subscribe == [("a", 1)]
    granted(subscriptions, 0x87)
    assert subscriptions.changes() == ([], [])
    subscriptions.retry_refused()
    assert subscriptions.changes().subscribe == [("a", 1)]


def test_what_the_suback_says_is_kept_beside_what_was_asked():
    subscriptions = Subscriptions()
    subscriptions.set_filters({"a": 2, "b": 1})
    granted(subscriptions, 1, 1)
    assert subscriptions.confirmed == {"a": 2, "b": 1}
    assert subscriptions.granted_qos == {"a": 1, "b": 1}
    subscriptions.connected(session_present=True)
    assert subscriptions.granted_qos == {}
