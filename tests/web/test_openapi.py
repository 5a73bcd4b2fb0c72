"""The description of the API against the code: every operation, its parameters, its statuses and its responses.

`check_response` of tests/web/described.py also compares every response of every other test of the page.
"""

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.datastructures import QueryParams

from bridge.monitoring.configuration import Configuration
from bridge.web.editing.mapping_editor import Author, MappingEditor
from bridge.web.editing.mapping_folder import version_of
from bridge.web.openapi.document import OPERATIONS, keyed, summary
from tests.web.conftest import TOKEN
from tests.web.described import api, key_of, operation, routes

KEYS = [key for key, _ in keyed(routes())]
MESSAGE = {"topic": "factory/pdx/press07/telemetry", "payload": '{"t": 7}'}
TEXT = "topic: t/{name}\noutputs: [{data_stream: s}]\n"
SEEN = {"version": version_of(TEXT.encode())}
EXAMPLES = {
    "GET /static/{name:path}": {"path": "/static/main.js"},
    "POST /login": {"data": {"token": TOKEN}},
    "GET /api/mappings/{name}": {"path": "/api/mappings/press"},
    "POST /api/preview": {"json": {"mapping": TEXT, "name": "other", "messages": [MESSAGE | {"topic": "t/a"}]}},
    "POST /api/propose": {"json": {"topic": MESSAGE["topic"], "messages": [MESSAGE]}},
    "PUT /api/mappings/{name}": {"path": "/api/mappings/new", "json": {"text": TEXT, "version": None}},
    "POST /api/mappings/{name}/rename": {"path": "/api/mappings/other/rename", "json": {"to": "one", **SEEN}},
    "POST /api/mappings/{name}/disable": {"path": "/api/mappings/other/disable", "json": SEEN},
    "POST /api/mappings/{name}/enable": {"path": "/api/mappings/other/enable", "json": SEEN},
    "POST /api/mappings/{name}/delete": {"path": "/api/mappings/other/delete", "json": SEEN},
    "POST /api/mappings/{name}/compare": {"path": "/api/mappings/other/compare", "json": {"text": TEXT}},
    "POST /api/mappings/{name}/rollback": {"path": "/api/mappings/other/rollback", "json": {"id": "1", **SEEN}},
    "GET /api/mappings/{name}/history": {"path": "/api/mappings/other/history"},
    "GET /api/mappings/{name}/history/{id}": {"path": "/api/mappings/other/history/1"},
    "POST /api/try": {"json": {"mapping": "topic: t\noutputs: [{data_stream: s}]\n", "name": "t", **MESSAGE}},
    "GET /api/dead-letters/{number}": {"path": "/api/dead-letters/1"},
    "POST /api/dead-letters/group/replay": {"json": {"mapping": "press", "code": "decode", "reason": ""}},
    "POST /api/dead-letters/group/delete": {"json": {"mapping": "press", "code": "decode", "reason": ""}},
    "POST /api/dead-letters/replay": {"json": {"numbers": [1]}},
    "POST /api/dead-letters/delete": {"json": {"numbers": [1]}},
}
"""Requests that succeed, by operation; without one, the path itself is requested."""


def test_routes_are_described_and_nothing_else_is():
    missing, unknown = set(KEYS) - set(OPERATIONS), set(OPERATIONS) - set(KEYS)
    assert not missing, (
        f"{missing}: describe each in bridge/web/openapi/SUBJECT.py, as the other operations of that module, and add a "
        "request that succeeds to EXAMPLES of tests/web/test_openapi.py"
    )
    assert not unknown, f"{unknown}: no route serves these descriptions of bridge/web/openapi/"


def test_handlers_name_their_own_request():
    for key, route in keyed(routes()):
        method, path = key.split(" ")
        assert route.endpoint.__doc__.startswith(f"Serve {method} {path.split('{')[0]}"), key
        assert summary(route), key


def test_document_is_valid_openapi():
    assert [str(each) for each in OpenAPIV31SpecValidator(api()).iter_errors()] == []


@pytest.mark.parametrize("key", KEYS)
def test_operation_succeeds_as_described_and_reads_its_parameters(site, bridge, monkeypatch, key):
    """The client's hook compares the response with the description; here it must be the described success."""
    MappingEditor(bridge.mappings.folder, bridge.data_folder).save("other", TEXT.encode(), "", Author("", ""))
    bridge.reject(MESSAGE | {"payload": b'{"t": 7}', "total_bytes": 8})
    bridge.configuration = Configuration(bridge.folder / "bridge.yaml", ())
    monkeypatch.setattr("bridge.web.endpoints.system.doctor_command", lambda _: ["true"])
    client, read = site(TOKEN, stopped=True), set()
    monkeypatch.setattr(QueryParams, "__getitem__", lambda self, name: read.add(name) or self._dict[name])
    method, path = key.split(" ")
    asked = {"path": path, **EXAMPLES.get(key, {})}
    headers = {"X-Mqtt-Kinesis": "page", "Authorization": f"Bearer {TOKEN}"}
    response = client.request(method, asked.pop("path"), headers=headers, follow_redirects=False, **asked)
    described = operation(key)
    assert str(response.status_code) == max(status for status in described["responses"] if status in ("200", "303"))
    assert read == {each["name"] for each in described["parameters"] if each["in"] == "query"}


@pytest.mark.parametrize(
    "path", ["/api", "/api/nothing", "/api/dead-letters/", "/nothing", "/static/nothing.js", "/static/"]
)
def test_get_of_what_is_missing_is_404_with_a_reason(site, path):
    response = site().get(path)
    assert (response.status_code, list(response.json())) == (404, ["error"])


@pytest.mark.parametrize("path", ["/api/mappings/none", "/api/dead-letters/77"])
def test_get_of_a_missing_thing_is_404_with_its_name(site, path):
    response = site().get(path)
    assert response.status_code == 404
    assert path.rpartition("/")[2] in response.json()["error"]


def test_key_of_an_unknown_path_is_none():
    assert key_of("GET", "/api/none") is None
    assert key_of("GET", "/api/dead-letters/7") == "GET /api/dead-letters/{number}"
