"""Edits through the API: saved, refused, in conflict and undone, with the user of each."""

import orjson
import pytest

from bridge.web.endpoints import mapping_files
from tests.web.conftest import TOKEN, VIEW_TOKEN

OURS = {"X-Mqtt-Kinesis": "page", "Authorization": f"Bearer {TOKEN}"}
TOPIC = "factory/pdx/press07/telemetry"
OTHER = "topic: hall/{name}\noutputs: [{data_stream: hall}]\n"


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


def refused(answer):
    return answer.status_code, answer.json().get("code")


def entries(client, name="press"):
    return client.get(f"/api/mappings/{name}/history").json()["entries"]


def test_saved_text_is_in_the_file_and_in_the_history(client, file, bridge):
    before = opened(client)
    assert (before["editable"], before["why_not"], before["live"]) == (True, "", True)
    text = before["text"] + "# a comment\n"
    answer = save(client, text, before["version"], note="why\nnot")
    assert answer.status_code == 200, answer.text
    assert answer.json()["tests"] == [{"name": "a press", "passed": True, "difference": ""}]
    assert file.read_text() == text
    after = opened(client)
    assert (after["version"], after["live"]) == (answer.json()["version"], False)
    bridge.mappings.reload()
    assert opened(client)["live"]
    found = entries(client)
    assert [(each["action"], each["note"]) for each in found] == [
        ("save", "why not"),
        ("changed on disk", "as found on disk, before a change on the page"),
    ]
    old = client.get(f"/api/mappings/press/history/{found[1]['id']}").json()
    assert old["text"] == before["text"]
    assert "+# a comment" in old["differences"]


def test_name_given_at_the_login_is_in_the_history(client):
    client.post("/login", data={"token": TOKEN, "name": "Anna\u202e"}, follow_redirects=False)
    del client.headers["Authorization"]
    before = opened(client)
    assert save(client, before["text"] + "#\n", before["version"]).status_code == 200
    assert entries(client)[0]["by"] == "Anna\\u202e"


def test_conflict_shows_the_present_text_and_changes_nothing(client, file):
    before = opened(client)
    file.write_text(before["text"] + "# vim\n")
    answer = save(client, before["text"] + "# page\n", before["version"])
    assert refused(answer) == (409, "conflict")
    told = answer.json()
    assert told["text"] == file.read_text() == before["text"] + "# vim\n"
    assert told["version"] == opened(client)["version"]
    assert "-# vim" in told["differences"]
    assert "+# page" in told["differences"]
    for action in ("rename", "disable", "delete"):
        assert refused(post(client, action, version=before["version"], to="x")) == (409, "conflict")
    assert refused(save(client, before["text"], None)) == (409, "conflict")


def test_file_that_was_deleted_meanwhile_is_a_conflict(client, file):
    before = opened(client)
    file.unlink()
    answer = save(client, before["text"] + "#\n", before["version"])
    assert refused(answer) == (409, "conflict")
    assert answer.json()["text"] is None
    assert save(client, before["text"], None).status_code == 200


def test_text_that_does_not_load_is_not_saved(client, file):
    before = opened(client)
    text = before["text"].replace("payload.t", "payload.t.x(")
    answer = save(client, text, before["version"], force_tests=True)
    assert refused(answer) == (422, "invalid")
    [problem] = answer.json()["problems"]
    line = text.splitlines()[problem["line"] - 1]
    assert (problem["end_line"], line[problem["column"] - 1 : problem["end_column"] - 1]) == (problem["line"], "}")
    assert file.read_text() == before["text"]
    assert entries(client) == []


def test_text_whose_tests_fail_is_saved_only_if_forced(client, file):
    before = opened(client)
    text = before["text"].replace("t: payload.t", "t: `9`")
    answer = save(client, text, before["version"])
    assert refused(answer) == (422, "tests-failed")
    assert not answer.json()["tests"][0]["passed"]
    assert "9" in answer.json()["tests"][0]["difference"]
    assert file.read_text() == before["text"]
    assert save(client, text, before["version"], force_tests=True).status_code == 200
    assert file.read_text() == text


def test_earlier_version_is_back_after_one_request(client, file):
    before = opened(client)
    version = save(client, before["text"] + "# wrong\n", before["version"]).json()["version"]
    old = entries(client)[1]["id"]
    answer = post(client, "rollback", id=old, version=version)
    assert answer.json()["version"] == before["version"]
    assert file.read_text() == before["text"]
    newest = entries(client)[0]
    assert (newest["action"], newest["note"]) == ("rollback", f"back to version {old}")
    assert post(client, "rollback", id="77", version=before["version"]).status_code == 404


def test_deleted_mapping_is_listed_and_restored(client, bridge):
    save(client, OTHER, None, "hall")
    version = opened(client, "hall")["version"]
    assert post(client, "delete", "hall", version=version, note="not needed").status_code == 200
    assert client.get("/api/mappings/hall").status_code == 404
    [deleted] = client.get("/api/mapping-files").json()["deleted"]
    assert (deleted["name"], deleted["note"]) == ("hall", "not needed")
    deletion, saved = entries(client, "hall")
    assert refused(post(client, "rollback", "hall", id=deletion["id"], version=None)) == (409, "no-text")
    assert post(client, "rollback", "hall", id=saved["id"], version=None).status_code == 200
    assert (bridge.mappings.folder / "hall.yaml").read_text() == OTHER


def test_text_is_compared_with_the_file_on_disk(client, file):
    file.write_text(file.read_text() + "# theirs\n")
    present = opened(client)
    answer = post(client, "compare", text=present["text"] + "# mine\n").json()
    assert (answer["text"], answer["version"]) == (present["text"], present["version"])
    assert "+# mine" in answer["differences"]
    assert refused(post(client, "compare", name="none", text="x"))[0] == 404
    assert refused(post(client, "compare"))[0] == 400


def test_files_are_listed_with_their_states(client, bridge):
    save(client, OTHER, None, "hall")
    post(client, "disable", "hall", version=opened(client, "hall")["version"])
    (bridge.mappings.folder / "bad.yaml").write_text("topic: [\n")
    bridge.mappings.reload()
    told = client.get("/api/mapping-files").json()
    assert (told["editable"], told["folder"]) == (True, str(bridge.mappings.folder))
    found = {each["file"]: (each["enabled"], each["active"], each["problems"] > 0) for each in told["files"]}
    assert found == {
        "bad.yaml": (True, False, True),
        "hall.yaml.disabled": (False, False, False),
        "press.yaml": (True, True, False),
    }
    assert not opened(client, "hall")["enabled"]


def test_mapping_that_does_not_load_is_not_enabled(client, bridge):
    file = bridge.mappings.folder / "hall.yaml.disabled"
    file.write_text("topic: [\n")
    version = opened(client, "hall")["version"]
    assert refused(post(client, "enable", "hall", version=version)) == (422, "invalid")
    file.write_text(OTHER)
    version = opened(client, "hall")["version"]
    assert post(client, "enable", "hall", version=version).status_code == 200
    assert (bridge.mappings.folder / "hall.yaml").exists()


def test_rename_says_what_stays_under_the_old_name(client):
    save(client, OTHER, None, "hall")
    told = post(client, "rename", "hall", to="works", version=opened(client, "hall")["version"]).json()
    assert told["name"] == "works"
    assert any("counters" in note for note in told["notes"])
    assert opened(client, "works")["text"] == OTHER


def test_line_ends_of_windows_are_kept(client, file):
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    before = opened(client)
    assert save(client, before["text"].replace("\r\n", "\n") + "# more\n", before["version"]).status_code == 200
    assert file.read_bytes().endswith(b"\r\n# more\r\n")
    assert b"\n" not in file.read_bytes().replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"text": ""},
        {"text": 1},
        {"text": OTHER, "version": 7},
        {"text": OTHER, "note": []},
        {"text": OTHER, "note": "x" * 501},
    ],
)
def test_malformed_save_is_refused(client, asked):
    assert client.put("/api/mappings/new", json=asked).status_code == 400


def test_text_beyond_the_limit_is_refused(client, monkeypatch):
    assert save(client, OTHER + "#" * 200_000, None, "new").status_code == 413
    monkeypatch.setattr(mapping_files, "MAX_MAPPING_CHARS", len(OTHER))
    assert save(client, OTHER + "#", None, "new").status_code == 413
    assert save(client, OTHER, None, "new").status_code == 200
    assert post(client, "compare", "new", text=OTHER + "#").status_code == 400
    assert post(client, "compare", "new", text=OTHER).status_code == 200


WRITES = [("PUT", "/api/mappings/press")] + [
    ("POST", f"/api/mappings/press/{action}") for action in ("rename", "disable", "enable", "delete", "rollback")
]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_edit_requires_the_role_and_our_page(client, site, file, method, path):
    before = file.read_bytes()
    body = {"text": OTHER, "version": opened(client)["version"], "to": "x", "id": "1"}
    view = {"Authorization": f"Bearer {VIEW_TOKEN}"}
    assert client.request(method, path, json=body, headers=view).status_code == 403
    assert client.request(method, path, json=body, headers={"Origin": "http://evil.example"}).status_code == 403
    without = site()
    answer = without.request(method, path, json=body, headers={"X-Mqtt-Kinesis": "page"})
    assert (answer.status_code, "http.token" in answer.json()["error"]) == (403, True)
    assert file.read_bytes() == before


def test_page_says_why_it_cannot_edit(client, site, bridge):
    view = client.get("/api/mappings/press", headers={"Authorization": f"Bearer {VIEW_TOKEN}"}).json()
    assert (view["editable"], "http.token" in view["why_not"]) == (False, True)
    (bridge.mappings.folder / "..data").symlink_to("..1")
    assert "ConfigMap" in opened(client)["why_not"]
    listed = client.get("/api/mapping-files").json()
    assert (listed["editable"], "ConfigMap" in listed["why_not"]) == (False, True)
    answer = save(client, OTHER, None, "new")
    assert refused(answer) == (403, "not-editable")


def test_preview_shows_both_results_and_their_differences(client):
    text = opened(client)["text"].replace("t: payload.t", "t: payload.t, more: `1`")
    messages = [
        {"topic": TOPIC, "payload": '{"t": 7}', "at": "2026-01-31T12:00:00.000Z"},
        {"topic": TOPIC, "payload": '{"t": 7, "status": "OFF"}'},
        {"topic": TOPIC, "payload_base64": "ew=="},
        {"topic": "elsewhere", "payload": "{}"},
    ]
    asked = {"mapping": text, "name": "press", "messages": messages}
    told = client.post("/api/preview", json=asked).json()
    assert (told["problems"], told["changed"]) == ([], 1)
    first, filtered, rejected, elsewhere = told["messages"]
    assert first["at"] == "2026-01-31T12:00:00.000Z"
    assert orjson.loads(first["after"]["records"][0]["data"]["text"]) == {"machine": "press07", "t": 7, "more": 1}
    assert first["differences"][0].split() == ["changed", "telemetry"]
    assert "more" in first["differences"][-1]
    assert (filtered["changed"], filtered["after"]["records"], filtered["after"]["matched"]) == (False, [], True)
    assert (rejected["changed"], rejected["before"]["rejections"][0]["code"]) == (False, "decode")
    assert not elsewhere["after"]["matched"]
    new = client.post("/api/preview", json={**asked, "name": "none"}).json()
    assert new["messages"][0]["differences"][0].startswith("only new")
    wrong = client.post("/api/preview", json={**asked, "mapping": "topic: [\n"}).json()
    assert (wrong["messages"], wrong["problems"][0]["line"] > 0) == ([], True)
    assert client.post("/api/preview", json={**asked, "messages": messages * 20}).status_code == 409


def test_proposal_for_an_unmatched_topic_can_be_saved(client):
    messages = [{"topic": f"hall/hall{number}/temp", "payload": "21.5"} for number in (1, 1, 2)]
    told = client.post("/api/propose", json={"topic": "hall/hall1/temp", "messages": messages}).json()
    assert "data_stream: telemetry" in told["text"]
    assert told["notes"]
    assert save(client, told["text"], None, told["name"]).status_code == 200
    nothing = client.post("/api/propose", json={"topic": "x", "messages": messages})
    assert (nothing.status_code, "no message of this topic" in nothing.json()["error"]) == (409, True)


def test_completions_are_those_of_the_loader(client, bridge):
    tables = bridge.mappings.folder / "tables"
    tables.mkdir()
    (tables / "assets.csv").write_text("machine,name\na,b\n")
    told = client.get("/api/completions").json()
    assert {"topic", "where", "outputs", "tests"} <= {each["name"] for each in told["keys"][""]}
    [packing] = [each for each in told["keys"]["outputs[]"] if each["name"] == "packing"]
    assert packing["values"] == ["none", "kpl", "lines"]
    assert "expect" in {each["name"] for each in told["keys"]["tests[]"]}
    assert "partition_key" in {each["name"] for each in told["keys"]["tests[].expect[]"]}
    assert {"name": "topic", "summary": "the topic"} in told["roots"]
    assert all(each["summary"] for each in told["roots"])
    assert all(each["signature"].startswith(each["name"]) and each["summary"] for each in told["functions"])
    assert (told["tables"], told["schemas"]) == (["assets"], [])
