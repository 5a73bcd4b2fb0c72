from collections import Counter

from bridge.mapping.loading.mapping_loader import load_folder
from bridge.mapping.router import Router
from bridge.model import Message
from bridge.tools.demo.example_mappings import EXAMPLES
from bridge.tools.demo.factory import Factory


def play(secs, seed=7):
    factory = Factory(seed=seed)
    return [event for tick in range(secs * 20) for event in factory.events(tick / 20)]


def test_factory_with_the_same_seed_gives_the_same_day():
    assert play(10) == play(10)
    assert play(10) != play(10, seed=8)


def test_factory_publishes_nothing_twice_for_one_time():
    factory = Factory()
    first = list(factory.events(1.0))
    assert first
    assert list(factory.events(1.0)) == []


def test_moderate_load_that_a_local_kinesis_can_keep_up_with():
    rate = len(play(60)) / 60
    assert 200 < rate < 400


def test_example_mappings_match_every_topic_of_the_factory():
    routes = Router(load_folder(EXAMPLES, {}).mappings.values())
    codes, drafts, filtered = Counter(), 0, 0
    for event in play(60):
        match = routes.match(event.topic.encode())
        assert match.targets, event.topic
        message = Message(event.topic, event.payload, event.qos, False, 1_700_000_000_000)
        for mapping, captures in match.targets:
            mapped = mapping.apply(message, captures, match.levels)
            codes.update(rejection.code for rejection in mapped.rejections)
            drafts += len(mapped.drafts)
            filtered += not mapped.drafts and not mapped.rejections
    assert set(codes) == {"decode", "transform", "partition_key"}
    assert 15 <= sum(codes.values()) <= 30
    assert drafts > 10_000
    assert filtered > 0


def test_burst_comes_every_few_seconds():
    factory = Factory()
    counts = [len(list(factory.events(tick / 2))) for tick in range(1, 60)]
    assert max(counts) > 2 * sorted(counts)[len(counts) // 2]


def test_states_and_descriptions_are_retained_and_energy_is_sent_at_qos_2():
    events = play(10)
    assert all(event.retain for event in events if event.topic.endswith(("/state", "/info")))
    assert {event.qos for event in events if "/energy/" in event.topic} == {2}
