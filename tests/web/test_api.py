import pytest

from bridge.mqtt.packet_stream import PUBREL
from bridge.spool.ledger import LedgerRow
from bridge.web import events
from bridge.web.endpoints import dead_letters
from bridge.web.events import MessageFilter, MessageTap
from bridge.web.requests import MAX_BODY_BYTES
from tests.web.bridges import publish, snapshot, stream
from tests.web.conftest import TOKEN

OURS = {"X-Mqtt-Kinesis": "page", "Authorization": f"Bearer {TOKEN}"}
MARKUP = '<img src=x onerror="alert(1)">'


def test_state_has_all_that_the_page_shows(site, bridge):
    bridge.now = snapshot(
        ledger=(LedgerRow("press", "telemetry", 10, 5, 2, 1, 0, 2),),
        streams=(stream(throttled=3),),
        client_id="press-shop",
    )
    told = site().get("/api/status").json()
    assert told["ledger"][0]["spooled"] == 2
    assert told["streams"][0]["throttled"] == 3
    assert told["client_id"] == "press-shop"
    assert told["mappings"] == [
        {
            "name": "press",
            "topic": "factory/{site}/{machine}/telemetry",
            "streams": ["telemetry"],
            "tests": 1,
            "messages": 0,
            "last_ms": 0,
            "silent_ms": 0,
        }
    ]
    assert told["balanced"] is True


def test_mapping_is_shown_with_its_file_and_an_example(site):
    told = site().get("/api/mappings/press").json()
    assert "topic: factory/{site}/{machine}/telemetry" in told["text"]
    assert told["example"] == {"topic": "factory/pdx/press07/telemetry", "payload": '{"t":1}'}
    assert (told["active"], told["problems"]) == (True, [])


def test_mapping_that_does_not_load_is_shown_with_its_problems(site, bridge):
    (bridge.mappings.folder / "press.yaml").write_text("topic: [\n")
    bridge.mappings.reload()
    told = site().get("/api/mappings/press").json()
    assert told["active"]
    assert told["problems"]
    assert site().get("/api/mappings/none").status_code == 404


def test_playground_runs_the_bridges_own_code(site, bridge):
    text = (bridge.mappings.folder / "press.yaml").read_text()
    asked = {"mapping": text, "name": "press", "topic": "factory/pdx/press07/telemetry", "payload": '{"t": 7}'}
    client = site()
    told = client.post("/api/try", json=asked, headers=OURS).json()
    assert told["made"]["records"][0] == {
        "stream": "telemetry",
        "key": "press07",
        "bytes": 27,
        "data": {"text": '{"machine":"press07","t":7}', "cut": False},
    }
    assert told["tests"] == [{"name": "a press", "passed": True, "difference": ""}]
    edited = client.post(
        "/api/try", json=asked | {"mapping": text.replace("payload.t", "payload.x.y(")}, headers=OURS
    ).json()
    assert edited["problems"][0]["line"] > 1
    filtered = client.post("/api/try", json=asked | {"payload": '{"t": 1, "status": "OFF"}'}, headers=OURS).json()
    assert filtered["made"]["records"] == filtered["made"]["rejections"] == []
    other = client.post("/api/try", json=asked | {"topic": "elsewhere"}, headers=OURS).json()
    assert (other["matched"], other["made"]) == (False, None)


def test_endless_expression_meets_a_limit_and_the_next_one_works(site, bridge, monkeypatch):
    from bridge.web import playground  # noqa: PLC0415

    text = (bridge.mappings.folder / "press.yaml").read_text()
    asked = {"mapping": text, "name": "press", "topic": "factory/pdx/press07/telemetry", "payload": '{"t": 7}'}
    client = site()
    assert client.post("/api/try", json=asked, headers=OURS).json()["matched"]
    monkeypatch.setattr(playground, "PATIENCE_SECS", 0.0)
    answer = client.post("/api/try", json=asked, headers=OURS)
    assert (answer.status_code, "takes too much time" in answer.json()["error"]) == (409, True)
    monkeypatch.undo()
    assert client.post("/api/try", json=asked, headers=OURS).json()["matched"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"mapping": 1, "name": "x"}, 409),
        ({"name": "x"}, 409),
        ({"mapping": "x" * 300_000, "name": "x"}, 409),
        ([], 400),
        ("text", 400),
    ],
)
def test_invalid_request_is_refused_with_a_message(site, body, status):
    answer = site().post("/api/try", json=body, headers=OURS)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_body_without_end_is_refused(site):
    headers = OURS | {"Content-Type": "application/json"}
    assert site().post("/api/try", content=b"[" * 5_000_000, headers=headers).status_code == 413
    assert site().post("/api/try", content=b"{", headers=headers).status_code == 400
    assert site().post("/api/try", content=b"{}", headers=OURS | {"Content-Type": "text/plain"}).status_code == 415


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 409), (MAX_BODY_BYTES + 1, 413)])
def test_body_up_to_the_limit_is_read(site, size, status):
    headers = OURS | {"Content-Type": "application/json"}
    assert site().post("/api/try", content=b"{}" + b" " * (size - 2), headers=headers).status_code == status


@pytest.mark.parametrize("action", ["replay", "delete"])
def test_dead_letters_of_one_request_are_limited(site, bridge, monkeypatch, action):
    monkeypatch.setattr(dead_letters, "MAX_NUMBERS", 2)
    bridge.reject({}, {}, {})
    client = site(TOKEN)
    for numbers, status in (([1, 2, 3], 400), ([1, 2], 200)):
        assert client.post(f"/api/dead-letters/{action}", json={"numbers": numbers}, headers=OURS).status_code == status


def test_dead_letters_are_listed_found_and_shown(site, bridge):
    bridge.reject({"topic": f"plant/{MARKUP}", "payload": b"{"}, {"code": "transform", "payload": b"\xff"}, {})
    client = site()
    told = client.get("/api/dead-letters", params={"limit": 2}).json()
    assert [each["number"] for each in told["dead_letters"]] == [3, 2]
    assert told["codes"] == {"decode": 2, "transform": 1}
    assert [each["number"] for each in client.get("/api/dead-letters?before=2").json()["dead_letters"]] == [1]
    assert [
        each["number"] for each in client.get("/api/dead-letters?code=transform&mapping=press").json()["dead_letters"]
    ] == [2]
    assert [each["number"] for each in client.get("/api/dead-letters?topic=onerror").json()["dead_letters"]] == [1]
    assert client.get("/api/dead-letters?stream=telemetry").json()["dead_letters"]
    assert client.get("/api/dead-letters?code=decode&limit=1").json()["matching"] == 2
    assert client.get("/api/dead-letters/numbers").json()["numbers"] == [3, 2, 1]
    assert client.get("/api/dead-letters/numbers?topic=onerror&code=decode").json()["numbers"] == [1]
    assert client.get("/api/dead-letters/2").json()["payload"] == {"base64": "/w==", "cut": False}
    assert client.get("/api/dead-letters/99").status_code == 404
    assert client.get("/api/dead-letters?limit=x").status_code == 400


def test_dead_letters_are_replayed_and_deleted_with_the_token(site, bridge):
    topic = "factory/pdx/press07/telemetry"
    bridge.reject(
        {"topic": topic, "payload": b'{"t":1}', "total_bytes": 7},
        {"topic": topic, "payload": b"{", "total_bytes": 1},
        {},
    )
    client = site(TOKEN)
    told = client.post("/api/dead-letters/replay", json={"numbers": [1, 2]}, headers=OURS).json()
    assert told["counts"] == {"replayed": 1, "failed_again": 1}
    assert client.post("/api/dead-letters/delete", json={"numbers": [2]}, headers=OURS).json()["counts"] == {
        "deleted": 1
    }
    for wrong in ({"numbers": "all"}, {"numbers": [True]}, {}, {"numbers": list(range(20_000))}):
        assert client.post("/api/dead-letters/delete", json=wrong, headers=OURS).status_code == 400
    assert bridge.spool.dead_letter_counts.count == 1


def test_tail_shows_messages_with_records_and_taps_only_then(bridge):
    tail = MessageTap(bridge)
    with tail.listening(MessageFilter()) as listener:
        bridge.tap([publish("factory/pdx/press07/telemetry", b'{"t": 5}'), publish(f"x/{MARKUP}", b"\xff")])
        first, second = tail.take(listener)
        assert first["mappings"][0]["records"][0]["data"]["text"] == '{"machine":"press07","t":5}'
        assert (second["topic"], second["payload"], second["mappings"]) == (
            f"x/{MARKUP}",
            {"base64": "/w==", "cut": False},
            [],
        )
        assert tail.take(listener) == []
    assert bridge.tap is None


def test_topic_that_is_rare_is_seen_by_a_listener_for_it(bridge):
    tail = MessageTap(bridge)
    burst = [publish(f"factory/pdx/press{number:04d}/telemetry", b"{}") for number in range(2_000)]
    burst[1_233] = (PUBREL, b"", b"\0\1", b"", b"", 0)
    burst[1_500] = publish("elsewhere/press1235", b"")
    with (
        tail.listening(MessageFilter(topic="press1234")) as one,
        tail.listening(MessageFilter(topic="235", mapping="press")) as other,
    ):
        bridge.tap(burst)
        assert [each["topic"] for each in tail.take(one)] == ["factory/pdx/press1234/telemetry"]
        assert [each["topic"] for each in tail.take(other)] == [
            "factory/pdx/press0235/telemetry",
            "factory/pdx/press1235/telemetry",
        ]
    with tail.listening(MessageFilter(mapping="none")) as listener:
        bridge.tap(burst)
        assert tail.take(listener) == []


def listened(bridge, burst, **wanted):
    """Return the topics and payloads that a listener gets of a burst."""
    tail = MessageTap(bridge)
    with tail.listening(MessageFilter(**wanted)) as listener:
        bridge.tap(burst)
        return [each["payload"]["text"] for each in tail.take(listener)]


TOPIC = "factory/pdx/press07/telemetry"
OUTCOMES = {
    "records": publish(TOPIC, b'{"t": 1}'),
    "filtered": publish(TOPIC, b'{"t": 2, "status": "OFF"}'),
    "dead-letter": publish(TOPIC, b"{"),
    "no-mapping": publish("elsewhere", b"other"),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_messages_are_filtered_by_their_outcome(bridge, outcome):
    burst = [*OUTCOMES.values()] * 3
    assert listened(bridge, burst, outcome=outcome) == [OUTCOMES[outcome][4].decode()] * 3


def test_messages_of_one_outcome_are_at_most_those_of_any(bridge):
    assert len(listened(bridge, [OUTCOMES["records"]] * 500, outcome="records")) == events.TAIL_MESSAGES


def test_message_with_a_text_in_its_payload_is_seen_among_thousands(bridge):
    burst = [publish(TOPIC, b'{"t": %d}' % number) for number in range(2_000)]
    assert listened(bridge, burst, text='"t": 1234}') == ['{"t": 1234}']
    assert listened(bridge, burst, text="1234", mapping="none") == []


def test_search_in_payloads_ends_at_its_limit(bridge, monkeypatch):
    monkeypatch.setattr(events, "MAX_SEARCHED_BYTES", 25)
    burst = [publish(TOPIC, text) for text in (b"x" * 10, b"find", b"x" * 20, b"find me")]
    assert listened(bridge, burst, text="find") == ["find"]
    assert listened(bridge, burst, text="xxx") == ["x" * 10, "x" * 20]


def test_defect_of_the_page_is_reported_and_stops_nothing(site, bridge, caplog):
    bridge.snapshot = lambda: 1 / 0
    client = site()
    assert client.get("/api/status").status_code == 500
    assert "ZeroDivisionError" in caplog.text
    assert client.get("/api/dead-letters").status_code == 200
