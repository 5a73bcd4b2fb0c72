"""Edits through the API: saved, refused, in conflict, undone."""

import pytest

from tests.web.conftest import TOKEN, VIEW_TOKEN

OURS = {"X-Mqtt-Kinesis": "page", "Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def client(site):
    made = site(TOKEN, view_token=VIEW_TOKEN)
    made.headers.update(OURS)
    return made


@pytest.fixture
def file(bridge):
    return bridge.mappings.folder / "press.yaml"


def opened(client, name="press"):
    return client.get(f"/api/mappings/{name}").json()


def save(client, text, version, name="press", **more):
    return client.put(f"/api/mappings/{name}", json={"text": text, "version": version, **more})


def post(client, action, name="press", **asked):
    return client.post(f"/api/mappings/{name}/{action}", json=asked)


def test_saved_text_is_in_the_file_and_in_the_history(client, file):
    before = opened(client)
    assert (before["editable"], before["why_not"], before["live"]) == (True, "", True)
    text = before["text"] + "# a comment\n"
    answer = save(client, text, before["version"], note="why\nnot")
    assert answer.status_code == 200, answer.text
    assert answer.json()["tests"] == [{"name": "a press", "passed": True, "difference": ""}]
    assert file.read_text() == text
    after = opened(client)
    assert after["version"] == answer.json()["version"]
    assert not after["live"]
    entries = client.get("/api/mappings/press/history").json()["entries"]
    assert [(each["action"], each["note"]) for each in entries] == [
        ("save", "why not"),
        ("changed on disk", "as found on disk, before a change on the page"),
    ]
    old = client.get(f"/api/mappings/press/history/{entries[1]['id']}").json()
    assert old["text"] == before["text"]
    assert "+# a comment" in old["differences"]
