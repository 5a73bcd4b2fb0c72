import logging

import pytest

from bridge.web.endpoints import dead_letter_groups
from tests.web.conftest import TOKEN

OURS = {"X-Mqtt-Kinesis": "page", "Authorization": f"Bearer {TOKEN}"}
TOPIC = "factory/pdx/press07/telemetry"
KEY = {"mapping": "press", "code": "decode", "reason": "found N"}


def reject(bridge, count, payload=b'{"t": 1}'):
    bridge.reject(
        *({"topic": TOPIC, "payload": payload, "total_bytes": 8, "detail": f"found {n}"} for n in range(count))
    )


def repeat(client, action, **asked):
    """Send the request until the group has no more, as the page does."""
    counts = []
    while True:
        result = client.post(f"/api/dead-letters/group/{action}", json=KEY | asked, headers=OURS).json()
        counts.append(result["counts"])
        if not result["more"]:
            return counts
        asked["after"] = result["last"]


def test_groups_are_listed_with_their_newest_dead_letters(site, bridge):
    reject(bridge, 3)
    bridge.reject({"detail": "other"})
    client = site()
    groups = client.get("/api/dead-letters/groups").json()["groups"]
    assert [(each["reason"], each["dead_letters"], each["newest"]) for each in groups] == [
        ("found N", 3, 3),
        ("other", 1, 4),
    ]
    found = client.get("/api/dead-letters/group", params=KEY | {"limit": 2}).json()["dead_letters"]
    assert [each["number"] for each in found] == [3, 2]


def test_groups_are_counted_again_after_a_delete_and_not_with_each_request(site, bridge, monkeypatch):
    monkeypatch.setattr(dead_letter_groups, "MIN_AGE_SECS", 1e9)
    reject(bridge, 2)
    client = site(TOKEN)

    def total():
        groups = client.get("/api/dead-letters/groups", headers=OURS).json()["groups"]
        return sum(each["dead_letters"] for each in groups)

    assert total() == 2
    reject(bridge, 2)
    assert total() == 2
    assert repeat(client, "delete") == [{"deleted": 4}]
    assert total() == 0


def test_group_is_deleted_in_steps_up_to_the_confirmed_number(site, bridge, monkeypatch, caplog):
    monkeypatch.setattr(dead_letter_groups, "STEP_DEAD_LETTERS", 2)
    reject(bridge, 6)
    with caplog.at_level(logging.INFO):
        assert repeat(site(TOKEN), "delete", up_to=5) == [{"deleted": 2}, {"deleted": 2}, {"deleted": 1}]
    assert bridge.spool.dead_letter_counts.count == 1
    assert "page: delete of 2 dead letters" in caplog.text


def test_group_is_replayed_once_although_its_messages_fail_again(site, bridge, monkeypatch):
    monkeypatch.setattr(dead_letter_groups, "STEP_DEAD_LETTERS", 2)
    reject(bridge, 3, payload=b"{")
    assert repeat(site(TOKEN), "replay") == [{"failed_again": 2}, {"failed_again": 1}]


def test_group_is_replayed_through_the_active_mapping(site, bridge):
    reject(bridge, 3)
    assert repeat(site(TOKEN), "replay") == [{"replayed": 3}]
    assert bridge.spool.dead_letter_counts.count == 0


@pytest.mark.parametrize("wrong", [{"reason": 7}, {"after": -1}, {"up_to": "9"}, {"worker": True}])
def test_step_with_a_wrong_value_is_refused(site, wrong):
    response = site(TOKEN).post("/api/dead-letters/group/delete", json=KEY | wrong, headers=OURS)
    assert response.status_code == 400
    assert next(iter(wrong)) in response.json()["error"]
