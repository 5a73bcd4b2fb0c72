"""Endpoints that show mappings, and try them in the playground."""

import pytest

from tests.web.conftest import OURS


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


@pytest.mark.parametrize("name", ["press.yaml", "..", ".hidden", "%2e%2e", "PRESS", "a" * 200])
def test_mapping_of_another_name_is_404(site, name):
    assert site().get(f"/api/mappings/{name}").status_code == 404


def test_mapping_is_live_only_while_its_file_is_the_active_text(site, bridge):
    client, file = site(), bridge.mappings.folder / "press.yaml"
    assert client.get("/api/mappings/press").json()["live"]
    file.write_text(file.read_text() + "# edited\n")
    assert not client.get("/api/mappings/press").json()["live"]
    bridge.mappings.reload()
    assert client.get("/api/mappings/press").json()["live"]


def test_mapping_with_an_error_is_active_and_not_live(site, bridge):
    (bridge.mappings.folder / "press.yaml").write_text("topic: [\n")
    bridge.mappings.reload()
    found = site().get("/api/mappings/press").json()
    assert (found["active"], found["live"], found["tests"]) == (True, False, ["a press"])


@pytest.mark.parametrize(
    ("payload", "shown"), [("payload: null", "null"), ("payload_text: 'x'", "x"), ("payload: {t: 1}", '{"t":1}')]
)
def test_example_of_a_mapping_is_the_message_of_its_first_test(site, bridge, payload, shown):
    text = "topic: a\noutputs: [{data_stream: s}]\nwhere: qos > `5`\n"
    text += f"tests: [{{name: n, topic: a, {payload}, expect: filtered}}]\n"
    (bridge.mappings.folder / "oven.yaml").write_text(text)
    bridge.mappings.reload()
    assert site().get("/api/mappings/oven").json()["example"] == {"topic": "a", "payload": shown}


def test_proposal_has_the_stream_that_most_outputs_use(site, bridge):
    (bridge.mappings.folder / "oven.yaml").write_text("topic: o\noutputs: [{data_stream: x}, {data_stream: b}]\n")
    (bridge.mappings.folder / "weld.yaml").write_text("topic: w\noutputs: [{data_stream: b}]\n")
    bridge.mappings.reload()
    asked = {"topic": "hall/temp", "messages": [{"topic": "hall/temp", "payload": "1"}]}
    found = site().post("/api/propose", json=asked, headers=OURS).json()
    assert "data_stream: b" in found["text"]


@pytest.mark.parametrize("topic", [None, 1, ["a"]])
def test_proposal_without_a_topic_is_refused(site, topic):
    response = site().post("/api/propose", json={"topic": topic, "messages": []}, headers=OURS)
    assert response.status_code == 400
