import pytest

from bridge.mqtt.subscriptions import SubscriptionRequest, Subscriptions
from bridge.mqtt.topic_filters import subscription_identifier

NEVER = float("inf")


def subscriptions_of(filters, parts=None, **options):
    subscriptions = Subscriptions(**options)
    subscriptions.set_filters(filters, parts)
    return subscriptions


def granted(subscriptions, **codes):
    """Grant what is requested, or refuse it with the code; the filters."""
    requests = subscriptions.changes(0.0).subscribe
    for request in requests:
        subscriptions.on_sent(request)
        code = codes.get(request.filter, request.qos)
        if code < 0x80:
            subscriptions.on_granted(request, code)
        else:
            subscriptions.refuse(request.filter, f"code {code}", NEVER)
    return [request.filter for request in requests]


def dropped(subscriptions, now=0.0, **options):
    """Unsubscribe what is to be unsubscribed; the filters."""
    filters = subscriptions.changes(now, **options).unsubscribe
    for text in filters:
        subscriptions.on_unsubscribe_sent(text)
        subscriptions.on_unsubscribed(text)
    return filters


def test_subscriptions_request_each_wanted_filter():
    subscriptions = subscriptions_of({"a/#": 1, "b": 2})
    assert subscriptions.changes(0.0) == ([SubscriptionRequest("a/#", 1), SubscriptionRequest("b", 2)], [])
    assert not subscriptions.complete
    granted(subscriptions)
    assert subscriptions.complete
    assert subscriptions.changes(0.0) == ([], [])


def test_subscriptions_of_a_group_have_its_prefix():
    assert subscriptions_of({"a/#": 1}, share="line3").changes(0.0).subscribe == [
        SubscriptionRequest("$share/line3/a/#", 1)
    ]


def test_subscriptions_after_a_reload_request_the_difference():
    subscriptions = subscriptions_of({"a": 1, "b": 1})
    granted(subscriptions)
    subscriptions.set_filters({"b": 1, "c": 1})
    assert subscriptions.changes(0.0) == ([SubscriptionRequest("c", 1)], ["a"])


def test_subscriptions_with_another_qos_are_requested_again():
    subscriptions = subscriptions_of({"a": 0})
    [request] = subscriptions.changes(0.0).subscribe
    subscriptions.set_filters({"a": 1})
    subscriptions.on_granted(request, 0)  # the reload came before the response
    assert subscriptions.changes(0.0).subscribe == [SubscriptionRequest("a", 1)]


def test_subscriptions_with_a_lower_granted_qos_are_not_requested_again():
    subscriptions = subscriptions_of({"a": 2, "b": 1})
    granted(subscriptions, a=0)
    assert subscriptions.changes(0.0) == ([], [])
    assert subscriptions.lowered == {"a": (0, 2)}


def test_refused_filter_is_requested_again_at_its_time_only():
    subscriptions = subscriptions_of({"a": 1, "secret/#": 1})
    for request in subscriptions.changes(0.0).subscribe:
        subscriptions.on_sent(request)
    subscriptions.on_granted(SubscriptionRequest("a", 1), 1)
    subscriptions.refuse("secret/#", "not authorized", 60.0)
    assert subscriptions.refused == {"secret/#": "not authorized"}
    assert subscriptions.changes(59.0) == ([], [])
    assert not subscriptions.complete
    assert subscriptions.changes(60.0).subscribe == [SubscriptionRequest("secret/#", 1)]


def test_refused_filter_is_retried_after_reload_and_reconnect():
    subscriptions = subscriptions_of({"secret/#": 1})
    for again in (lambda: subscriptions.set_filters({"secret/#": 1}), subscriptions.begin):
        subscriptions.refuse("secret/#", "not authorized", NEVER)
        assert subscriptions.changes(0.0) == ([], [])
        again()
        assert subscriptions.changes(0.0).subscribe == [SubscriptionRequest("secret/#", 1)]


def test_old_filters_are_unsubscribed_after_their_replacement():
    subscriptions = subscriptions_of({"a/b": 1}, maybe_subscribed={"old/#", "a/+"})
    subscriptions.begin()
    assert subscriptions.changes(0.0) == ([SubscriptionRequest("a/b", 1)], ["old/#"])
    granted(subscriptions)
    assert dropped(subscriptions) == ["a/+", "old/#"]
    assert subscriptions.maybe_subscribed == {"a/b"}
    assert subscriptions.changes(0.0) == ([], [])


def test_filters_of_an_earlier_run_are_unsubscribed_also_without_a_session():
    subscriptions = subscriptions_of({"a": 1}, maybe_subscribed={"old/#"})
    subscriptions.begin()  # some brokers report no session although they have one
    assert "old/#" in subscriptions.changes(0.0).unsubscribe


def test_old_shared_filters_stay_until_their_messages_arrived():
    subscriptions = subscriptions_of({"a": 1}, maybe_subscribed={"$share/hall/a", "old"})
    subscriptions.begin()
    granted(subscriptions)
    assert dropped(subscriptions, quiet=False) == ["old"]
    assert dropped(subscriptions, now=1.0, quiet=True) == ["$share/hall/a"]


def test_draining_session_keeps_filters_until_messages_arrived():
    subscriptions = subscriptions_of({}, maybe_subscribed={"a", "b"}, draining=True)
    subscriptions.begin()
    assert dropped(subscriptions, quiet=False) == []
    assert dropped(subscriptions, now=1.0, quiet=True) == ["a", "b"]


def test_unanswered_unsubscribe_is_sent_on_the_next_connection():
    subscriptions = subscriptions_of({}, maybe_subscribed={"old"})
    subscriptions.begin()
    subscriptions.on_unsubscribe_sent("old")
    subscriptions.begin()
    assert subscriptions.changes(0.0).unsubscribe == ["old"]


def test_unsubscribe_that_the_broker_refused_is_sent_again_at_its_time():
    subscriptions = subscriptions_of({}, maybe_subscribed={"old"})
    subscriptions.begin()
    subscriptions.unsubscribe_later("old", 60.0)
    assert subscriptions.changes(10.0).unsubscribe == []
    assert subscriptions.changes(60.0).unsubscribe == ["old"]


def test_filter_needed_during_its_unsubscribe_is_resubscribed():
    subscriptions = subscriptions_of({"a": 1})
    granted(subscriptions)
    subscriptions.set_filters({})
    subscriptions.on_unsubscribe_sent("a")
    subscriptions.set_filters({"a": 1})
    subscriptions.on_unsubscribed("a")
    assert subscriptions.changes(0.0).subscribe == [SubscriptionRequest("a", 1)]
    assert "a" in subscriptions.maybe_subscribed


def test_connection_requests_filters_that_the_session_lacks():
    subscriptions = subscriptions_of({"a": 1, "b": 1, "c": 2})
    granted(subscriptions)
    subscriptions.begin()
    assert [each.filter for each in subscriptions.changes(0.0).subscribe] == ["a", "b", "c"]
    assert subscriptions.lowered == {}
    subscriptions.begin(known={"a": (1, 0), "b": (0, 0), "gone": (1, 1)})
    assert subscriptions.changes(0.0) == ([SubscriptionRequest("b", 1), SubscriptionRequest("c", 2)], ["gone"])
    assert subscriptions.lowered == {"a": (0, 1), "b": (0, 1)}


# -- joined filters


PARTS = {"plant/+/+": {"plant/+/t": 1, "plant/m1/+": 1}}


def test_refused_joined_filter_never_ends_what_works():
    subscriptions = subscriptions_of({"plant/+/t": 1}, {"plant/+/t": {"plant/+/t": 1}})
    granted(subscriptions)
    subscriptions.set_filters({"plant/+/+": 1}, PARTS)
    assert subscriptions.changes(0.0) == ([SubscriptionRequest("plant/+/+", 1)], [])
    assert granted(subscriptions, **{"plant/+/+": 0x87}) == ["plant/+/+"]
    assert granted(subscriptions) == ["plant/m1/+"]
    assert subscriptions.complete
    assert subscriptions.refused == {}
    assert dropped(subscriptions) == ["plant/+/+"]
    assert subscriptions.confirmed.keys() == {"plant/+/t", "plant/m1/+"}


def test_refused_part_keeps_an_older_filter_that_covers_it():
    subscriptions = subscriptions_of({"plant/+/+": 1}, PARTS, maybe_subscribed={"plant/#"})
    subscriptions.begin()
    granted(subscriptions, **{"plant/+/+": 0x87})
    granted(subscriptions, **{"plant/m1/+": 0x87})
    assert subscriptions.refused == {"plant/m1/+": "code 135"}
    assert dropped(subscriptions) == []


def test_parts_have_identifiers_where_the_broker_supports_them():
    subscriptions = subscriptions_of({"plant/+/+": 1}, PARTS, share="hall")
    subscriptions.begin(identifiers=True)
    assert subscriptions.separated == {}
    granted(subscriptions, **{"$share/hall/plant/+/+": 0x87})
    assert subscriptions.separated == {text: subscription_identifier(text) for text in PARTS["plant/+/+"]}
    identifiers = {each.filter: each.identifier for each in subscriptions.changes(0.0).subscribe}
    assert identifiers["$share/hall/plant/+/t"] == subscriptions.separated["plant/+/t"]
    subscriptions.begin(identifiers=False)
    assert subscriptions.separated == {}


def test_separate_filters_are_never_joined():
    subscriptions = subscriptions_of({"plant/+/+": 1, "b": 0}, PARTS | {"b": {"b": 0}}, separate=True)
    assert subscriptions.wanted == {"plant/+/t": 1, "plant/m1/+": 1, "b": 0}


@pytest.mark.parametrize("wanted", [10, 10_000])
def test_settled_subscriptions_cost_nothing(wanted):
    subscriptions = subscriptions_of({f"a/{number}": 1 for number in range(wanted)})
    granted(subscriptions)
    assert subscriptions.changes(1.0) is subscriptions.changes(2.0)
