"""Endpoints of the dead letters."""

import pytest

from bridge.web.endpoints import dead_letters
from tests.web.conftest import OURS, TOKEN

MARKUP = '<img src=x onerror="alert(1)">'


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
    found = client.get("/api/dead-letters", params={"limit": 2}).json()
    assert [each["number"] for each in found["dead_letters"]] == [3, 2]
    assert found["codes"] == {"decode": 2, "transform": 1}
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
    found = client.post("/api/dead-letters/replay", json={"numbers": [1, 2]}, headers=OURS).json()
    assert found["counts"] == {"replayed": 1, "failed_again": 1}
    assert client.post("/api/dead-letters/delete", json={"numbers": [2]}, headers=OURS).json()["counts"] == {
        "deleted": 1
    }
    for wrong in ({"numbers": "all"}, {"numbers": [True]}, {}, {"numbers": list(range(20_000))}):
        assert client.post("/api/dead-letters/delete", json=wrong, headers=OURS).status_code == 400
    assert bridge.spool.dead_letter_counts.count == 1


@pytest.mark.parametrize("query", ["before=-1", "limit=1.5", "worker=x", f"before={10**18}", "limit=\u0663"])
def test_dead_letters_of_a_wrong_number_are_refused(site, query):
    assert site().get(f"/api/dead-letters?{query}").status_code == 400


def test_dead_letters_beyond_the_listed_number_come_with_the_next_request(site, bridge, monkeypatch):
    monkeypatch.setattr(dead_letters, "MAX_LISTED", 2)
    bridge.reject({}, {}, {})
    client = site()
    first = client.get("/api/dead-letters?limit=100").json()
    assert ([each["number"] for each in first["dead_letters"]], first["matching"]) == ([3, 2], 3)
    rest = client.get("/api/dead-letters?limit=100&before=2").json()
    assert [each["number"] for each in rest["dead_letters"]] == [1]


def test_dead_letters_of_a_worker_that_does_not_exist_are_refused(site):
    client = site(TOKEN)
    assert client.get("/api/dead-letters?worker=7", headers=OURS).status_code == 409
    response = client.post("/api/dead-letters/delete", json={"numbers": [1], "worker": 7}, headers=OURS)
    assert (response.status_code, response.json()["error"]) == (409, "there is no worker 7")


def test_dead_letter_deleted_twice_in_one_request_counts_once(site, bridge):
    bridge.reject({}, {})
    counts = site(TOKEN).post("/api/dead-letters/delete", json={"numbers": [1, 1.0, 9]}, headers=OURS).json()["counts"]
    assert (counts["deleted"], bridge.spool.dead_letter_counts.count) == (1, 1)


def test_dead_letters_that_are_deleted_are_logged_with_the_user(site, bridge, caplog):
    caplog.set_level("INFO", "bridge.web")
    client = site(TOKEN)
    client.post("/login", data={"token": TOKEN, "name": "Ana"})
    client.post("/api/dead-letters/delete", json={"numbers": [1, 2]}, headers={"X-Mqtt-Kinesis": "page"})
    assert "page: delete of 2 dead letters, by 'Ana'" in caplog.messages
