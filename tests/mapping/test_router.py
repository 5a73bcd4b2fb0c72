from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping import router as module
from bridge.mapping.router import Router
from tests.harness.line_counter import lines_run
from tests.mapping.builders import mapping

LEVELS = st.sampled_from(["a", "b", "", "$x"])
PATTERNS = st.lists(LEVELS | st.sampled_from(["+", "{n}"]), min_size=1, max_size=3).map("/".join).filter(bool)
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
POOL = {}


def pooled(pattern):
    """Compiled once, because compiling costs more than matching."""
    if pattern not in POOL:
        POOL[pattern] = mapping(name=pattern, topic=pattern)
    return POOL[pattern]


def names(match):
    return [made.name for made, _ in match.targets]


@given(st.lists(PATTERNS | PATTERNS.map(lambda text: text + "/#") | st.just("{r...}"), max_size=6), TOPICS)
def test_topic_matches_every_mapping_of_its_pattern_in_order(patterns, topic):
    mappings = [pooled(pattern) for pattern in dict.fromkeys(patterns) if pattern.count("{n}") <= 1]
    match = Router(mappings).match(topic.encode())
    wanted = [(each, each.pattern.match(topic)) for each in mappings if each.pattern.match(topic) is not None]
    assert list(match.targets) == wanted
    assert (match.topic, match.levels, match.valid) == (topic, topic.split("/"), True)


def test_mappings_may_have_the_same_topic():
    routes = Router([mapping("one", topic="a/{x}"), mapping("two", topic="a/{y}")])
    assert [(made.name, captures) for made, captures in routes.match(b"a/1").targets] == [
        ("one", {"x": "1"}),
        ("two", {"y": "1"}),
    ]


def test_topic_that_is_not_utf8_is_marked():
    match = Router([mapping(topic="#")]).match(b"a/\xff")
    assert match == ("a/\\xff", [], (), False, False)


def test_topic_that_nothing_matches_has_no_targets():
    match = Router([mapping(topic="a")]).match(b"b")
    assert (match.targets, match.valid) == ((), True)


def test_excluded_topic_goes_to_the_other_mappings_only():
    routes = Router(
        [mapping("devices", topic="z/{d...}", **{"except": "z/+/availability"}), mapping("state", topic="z/+/#")]
    )
    assert names(routes.match(b"z/lamp")) == ["devices", "state"]
    match = routes.match(b"z/lamp/availability")
    assert (names(match), match.excluded) == (["state"], False)


def test_topic_that_every_matching_mapping_excludes_is_marked_excluded():
    routes = Router([mapping(topic="z/{d...}", **{"except": ["z/+/availability", "z/bridge/#"]})])
    assert [routes.match(topic).excluded for topic in (b"z/a/availability", b"z/bridge", b"z/bridge/x/y")] == [True] * 3
    assert [routes.match(topic).excluded for topic in (b"z/a", b"other")] == [False, False]
    assert names(routes.match(b"z/bridge")) == []


def test_topic_seen_before_is_not_looked_up_again():
    routes = Router([mapping(topic="#")])
    assert routes.match(b"a/b") is routes.match(b"/".join([b"a", b"b"]))


def test_topics_remembered_are_bounded_by_their_bytes(monkeypatch):
    monkeypatch.setattr(module, "MAX_CACHED_BYTES", 10_000)
    routes = Router([mapping(topic="#")])
    for number in range(1000):
        assert names(routes.match(b"a/%d" % number)) == ["m"]
        assert 0 < len(routes._cache) <= 12


def test_full_memory_of_topics_is_stored_while_it_serves(monkeypatch):
    monkeypatch.setattr(module, "MAX_CACHED_BYTES", 10_000)
    routes = Router([mapping(topic="#")])
    first = routes.match(b"a/0")
    for _ in range(2):
        for number in range(20):
            routes.match(b"a/%d" % number)
        assert routes.match(b"a/0") is first


def test_topics_that_come_no_more_make_room_for_those_that_do(monkeypatch):
    monkeypatch.setattr(module, "MAX_CACHED_BYTES", 10_000)
    routes = Router([mapping(topic="#")])
    for number in range(20):
        routes.match(b"old/%d" % number)
    for _ in range(60):
        routes.match(b"new")
    assert routes.match(b"new") is routes.match(b"ne" + b"w")


def test_filters_receive_a_message_once():
    routes = Router(
        [mapping("one", topic="a/{x}", qos=0), mapping("two", topic="+/b", qos=2), mapping("three", topic="c")]
    )
    assert routes.filters() == {"+/+": 2, "c": 1}


def test_router_without_mappings_has_no_filters():
    assert Router([]).filters() == {}
    assert Router([]).match(b"a").targets == ()


def test_lookup_among_2000_mappings_costs_no_more_than_among_20():
    one = mapping(topic="f/+/line0/+/t")
    parse = type(one.pattern).parse

    def effort(count):
        patterns = [f"f/+/line{number}/{{m}}/t" if number % 2 else f"f/{{s}}/line{number}/#" for number in range(count)]
        routes = Router([replace(one, name=text, pattern=parse(text)) for text in patterns])
        topics = [b"f/site/line%d/m%d/t" % (number % count, number) for number in range(200)]
        return lines_run(lambda: [routes.match(topic) for topic in topics])

    assert effort(2000) <= 1.1 * effort(20)
