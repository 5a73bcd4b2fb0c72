"""Any request to the page: the response has a status from 200 to 499, and the bridge stays OK."""

import socket
import threading

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from bridge.web.app import web_app
from bridge.web.playground import Playground
from bridge.web.server import WebServer
from bridge.web.settings import HttpSettings
from tests.cli.builders import set_up
from tests.fuzz.mutation import nearly
from tests.integration.arrivals import eventually
from tests.web.bridges import Bridge

TOKEN = "a-token-of-16-characters"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
SAVE = {"text": "topic: t\noutputs: [{data_stream: s}]\n", "version": None, "note": "n", "id": "1", "to": "x"}
EDITS = st.fixed_dictionaries({}, optional={name: JSON | st.just(value) for name, value in SAVE.items()})
NAMES = st.sampled_from(["press", "new", "..", "%2e%2e%2fbridge", "a%2Fb", ".x", "%00", "x" * 300, "press.yaml"])
ACTIONS = st.sampled_from(["rename", "disable", "enable", "delete", "rollback"])
MESSAGES = st.lists(st.fixed_dictionaries({}, optional={"topic": JSON, "payload": JSON, "at": JSON}), max_size=3)
JOBS = st.fixed_dictionaries({}, optional={"mapping": JSON | st.just(SAVE["text"]), "name": JSON, "messages": MESSAGES})
NUMBERS = st.lists(st.integers(-(2**63), 2**64 - 1) | st.integers(0, 3), max_size=4)
TRY = {"mapping": "press", "text": "topic: t\noutputs: [{data_stream: s}]\n", "topic": "t", "payload": "{}", "qos": 1}
FIELDS = st.fixed_dictionaries({}, optional={name: JSON | st.just(value) for name, value in TRY.items()})
BODIES = st.one_of(JSON, FIELDS, NUMBERS.map(lambda numbers: {"numbers": numbers}))
PATHS = st.sampled_from(
    ["", "api/status", "api/dead-letters", "api/dead-letters/1", "api/mappings/press", "api/try", "static/app.js"]
)
ODD = st.sampled_from(
    ["..", "%2e%2e%2f", "%00", "%ff", "\u202e", "9" * 30, "9" * 5000, "-1", "1.5", "'", "<script>", "//"]
)
QUERY = st.dictionaries(
    st.sampled_from(["code", "mapping", "stream", "topic", "before", "limit", "x"]),
    st.text(max_size=8) | ODD,
    max_size=3,
)
REQUEST = (
    b"POST /api/try HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nx-mqtt-kinesis: 1\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)
CHUNKED = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntoken\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
def bridge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bridge")
    set_up(folder)
    made = Bridge(folder)
    made.reject({}, {"payload": b"<script>"}, {"topic": "a/\u202e"})
    yield made
    made.spool.close()


@pytest.fixture(scope="module")
def client(bridge):
    playground = Playground(bridge.mappings.folder)
    app = web_app(bridge, HttpSettings(token=TOKEN), playground, lambda: False)
    headers = {"authorization": f"Bearer {TOKEN}", "x-mqtt-kinesis": "1"}
    base = "http://127.0.0.1:8080"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("bridge.web.access.guard.WRONG_TOKEN_SECS", 0.0)
        with TestClient(app, base_url=base, raise_server_exceptions=False, headers=headers) as made:
            yield made


@given(path=PATHS, odd=ODD | st.just(""), query=QUERY)
@example(path="api/dead-letters", odd="", query={"before": "9223372036854775808"})
@example(path="api/dead-letters/", odd="99999999999999999999", query={})
def test_request_is_always_answered(client, path, odd, query):
    answer = client.get(f"/{path}{odd}", params=query)
    assert answer.status_code < 500, answer.text
    assert "Traceback" not in answer.text


@given(
    path=st.sampled_from(["api/try", "api/dead-letters/replay", "api/dead-letters/delete", "login", "logout"]),
    body=BODIES,
)
@example(path="api/dead-letters/replay", body={"numbers": [2**64 - 1]})
@example(path="api/dead-letters/delete", body={"numbers": [-(2**63)]})
def test_bytes_on_the_socket_are_answered_and_the_ledger_balances(client, bridge, path, body):
    answer = client.post(f"/{path}", content=written(body), headers={"content-type": "application/json"})
    assert answer.status_code < 500, answer.text
    assert all(row.balanced for row in bridge.spool.ledger_rows())


@given(path=st.sampled_from(["api/try", "api/preview", "api/propose"]), body=JOBS)
@example(path="api/propose", body={"topic": "t", "messages": [{"topic": "t", "payload_base64": "/"}]})
@example(path="api/preview", body={"mapping": "x", "name": "x", "messages": [{"topic": "t", "at": "0001-01-01"}]})
def test_job_is_always_answered(client, path, body):
    answer = client.post(f"/{path}", content=written(body), headers={"content-type": "application/json"})
    assert answer.status_code < 500, answer.text


@given(name=NAMES, action=ACTIONS | st.just(""), body=EDITS)
@example(name="%2e%2e%2fbridge", action="", body=SAVE)
@example(name="new", action="rename", body={"to": "../bridge", "version": None})
@example(name="press", action="rollback", body={"id": "9" * 30})
def test_edit_is_answered_and_writes_only_in_the_folder(client, bridge, name, action, body):
    around = {each: each.read_bytes() for each in bridge.mappings.folder.parent.glob("*.yaml")}
    path, method = f"/api/mappings/{name}", "POST" if action else "PUT"
    path = f"{path}/{action}" if action else path
    answer = client.request(method, path, content=written(body), headers={"content-type": "application/json"})
    assert answer.status_code < 500, answer.text
    assert around == {each: each.read_bytes() for each in bridge.mappings.folder.parent.glob("*.yaml")}
    named = {each.name for each in bridge.mappings.folder.iterdir()}
    assert named <= {"press.yaml", "new.yaml", "x.yaml", "press.yaml.disabled", "new.yaml.disabled"}


def written(body):
    try:
        return orjson.dumps(body)
    except TypeError:  # an integer has more than 64 bits
        return repr(body).encode()


@given(content=nearly(orjson.dumps(TRY), b'{"numbers": [1, 2, 3]}', b"[" * 5000))
def test_body_that_is_nearly_json_is_answered(client, content):
    answer = client.post("/api/try", content=content, headers={"content-type": "application/json"})
    assert answer.status_code < 500, answer.text


@pytest.fixture(scope="module")
def port(bridge):
    server = WebServer(bridge, HttpSettings(listen="127.0.0.1:0"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.port and is_well(server.port), "it listens", timeout_secs=60)
    yield server.port
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


def is_well(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            return b" 200 OK" in connection.recv(4096)
    except OSError:
        return False


def answer_to(port, sent):
    """Send a request and return its response."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(4096)
    except ConnectionError:
        return b""


@given(sent=nearly(REQUEST, CHUNKED, b"GET /api/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))
def test_server_survives_malformed_requests(port, sent):
    assert b" 500 " not in answer_to(port, sent)[:20]
    assert is_well(port)


def test_login_is_not_read_beyond_what_a_form_holds(port):
    head = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head + bytes(100_000))
        assert b" 413 " in connection.recv(4096)
