"""Mapping files edited on the page of a running bridge, and the resulting records in Kinesis."""

import urllib.error
import urllib.request

import orjson
import pytest

from tests.harness.network import free_port
from tests.harness.publisher import Publisher
from tests.integration.arrivals import eventually

TOKEN = "a-token-of-the-plant"
PRESS = """\
topic: factory/{machine}
transform: "{machine: captures.machine, shape: 'FIRST'}"
outputs: [{data_stream: telemetry, partition_key_from: captures.machine}]
tests:
  - name: t
    topic: factory/press
    payload: {}
    expect: [{data_stream: telemetry, data: {machine: press, shape: FIRST}}]
"""


class Page:
    """Client of the API of the page, with the token."""

    def __init__(self, port):
        self._base = f"http://127.0.0.1:{port}/api/"

    def get(self, path):
        status, value = self.send("GET", path)
        assert status == 200, value
        return value

    def send(self, method, path, **asked):
        headers = {"Authorization": f"Bearer {TOKEN}", "X-Mqtt-Kinesis": "test", "Content-Type": "application/json"}
        data = orjson.dumps(asked) if method != "GET" else None
        request = urllib.request.Request(self._base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, orjson.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, orjson.loads(error.read())

    def save(self, text, version, name="press", **more):
        return self.send("PUT", f"mappings/{name}", text=text, version=version, **more)

    def until_live(self, name="press"):
        eventually(lambda: self.get(f"mappings/{name}")["live"], f"{name} is active as its file is")


@pytest.fixture
def running(bridge):
    port = free_port()
    return bridge({"press": PRESS}, http={"listen": f"127.0.0.1:{port}", "token": TOKEN}), Page(port)


def shapes(kinesis):
    stored = [record for shard in kinesis.streams["telemetry"].shards for record in shard.stored]
    return [orjson.loads(record.data)["shape"] for record in stored]


def test_saved_mapping_shapes_the_next_records_and_a_refused_one_none(running, mosquitto, kinesis):
    process, page = running
    with Publisher(mosquitto.port) as publisher:

        def publish(expected):
            publisher.publish([("factory/press", b"{}")])
            eventually(lambda: len(shapes(kinesis)) == len(expected), lambda: shapes(kinesis))
            assert shapes(kinesis) == expected

        publish(["FIRST"])
        before = page.get("mappings/press")
        status, saved = page.save(PRESS.replace("FIRST", "SECOND"), before["version"], note="as agreed")
        assert status == 200, saved
        page.until_live()
        publish(["FIRST", "SECOND"])
        for bad, code in (("captures.machine, shape", "captures.none("), ("FIRST", "'")):
            status, answer = page.save(PRESS.replace(bad, code), saved["version"])
            assert (status, answer["code"]) == (422, "invalid")
        (process.folder / "mappings/press.yaml").write_text(PRESS.replace("FIRST", "VIM"))
        status, conflict = page.save(PRESS.replace("FIRST", "LOST"), saved["version"])
        assert (status, conflict["code"], "VIM" in conflict["text"]) == (409, "conflict", True)
        page.until_live()
        publish(["FIRST", "SECOND", "VIM"])
        entries = page.get("mappings/press/history")["entries"]
        assert [each["action"] for each in entries] == ["changed on disk", "save", "changed on disk"]
        status, answer = page.send("POST", "mappings/press/rollback", id=entries[-1]["id"], version=conflict["version"])
        assert (status, answer["version"]) == (200, before["version"])
        page.until_live()
        publish(["FIRST", "SECOND", "VIM", "FIRST"])
    changes = [line for line in process.log() if line["event"] == "mapping changed on the page"]
    assert [(line["action"], line["note"]) for line in changes] == [
        ("save", "as agreed"),
        ("rollback", f"back to version {entries[-1]['id']}"),
    ]
    assert "FIRST" not in str(changes)


def test_history_survives_a_kill_and_a_mapping_comes_and_goes(running, mosquitto, kinesis):
    process, page = running
    other = PRESS.replace("factory", "hall").replace("FIRST", "HALL")
    assert page.save(other, None, "hall")[0] == 200
    page.until_live("hall")
    version = page.get("mappings/hall")["version"]
    assert page.send("POST", "mappings/hall/disable", version=version)[0] == 200
    eventually(lambda: not page.get("mappings/hall")["active"], "the disabled mapping is not active")
    process.kill()
    process.start()
    process.wait_for("status page listening")
    assert [each["action"] for each in page.get("mappings/hall/history")["entries"]] == ["disable", "save"]
    assert page.send("POST", "mappings/hall/enable", version=version)[0] == 200
    page.until_live("hall")
    with Publisher(mosquitto.port) as publisher:
        # The bridge subscribes to the topic only after the mapping has become active.
        def mapped():
            publisher.publish([("hall/press", b"{}")])
            return "HALL" in shapes(kinesis)

        eventually(mapped, "a record", every_secs=0.5)
    mode = (process.folder / "data/mapping-history").stat().st_mode & 0o777
    assert mode == 0o700


def test_history_of_workers_is_beside_their_spools(workers):
    port = free_port()
    running = workers(2, {"press": PRESS}, http={"listen": f"127.0.0.1:{port}", "token": TOKEN})
    page = Page(port)
    version = page.get("mappings/press")["version"]
    assert page.save(PRESS + "# more\n", version)[0] == 200
    page.until_live()
    assert (running.folder / "data/mapping-history").is_dir()
    assert len(page.get("mappings/press/history")["entries"]) == 2
