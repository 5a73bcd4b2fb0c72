from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from bridge.monitoring.flow import Flow
from bridge.web import app
from bridge.web.access import guard
from bridge.web.access.security import COOKIE
from bridge.web.playground import Playground
from bridge.web.settings import HttpSettings
from tests.web.conftest import TOKEN

OURS = {"X-Mqtt-Kinesis": "page"}
LOOKS = [
    "/api/status",
    "/api/history",
    "/api/coverage",
    "/api/dead-letters",
    "/api/dead-letters/numbers",
    "/api/mappings/press",
    "/metrics",
]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(guard, "WRONG_TOKEN_SECS", 0.0)


@pytest.mark.parametrize("path", LOOKS)
def test_reading_on_this_machine_needs_no_token_if_none_is_set(site, path):
    assert site().get(path).status_code == 200


@pytest.mark.parametrize("path", [*LOOKS, "/api/events", "/api/messages"])
def test_reading_needs_the_token_if_it_is_set(site, path):
    assert site(TOKEN).get(path).status_code == 401


@pytest.mark.parametrize("path", LOOKS)
def test_token_opens_by_its_header(site, path):
    client = site(TOKEN)
    assert client.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get(path, headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 401


def test_health_needs_no_token_and_readiness_reports_reasons_only_with_it(site, bridge):
    client = site(TOKEN)
    bridge.now = replace(bridge.now, connected=False, subscribed=False)
    bridge.flow = Flow(unsubscribed_secs=60.0)
    assert client.get("/healthz").json() == {"ok": True, "reasons": []}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (503, {"ok": False})
    told = client.get("/readyz", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert told["state"] == "failing"
    assert told["reasons"][0].startswith("ERROR: no MQTT session with mqtt://127.0.0.1:1883, since ")


def test_login_form_gives_a_session_that_no_script_can_read(site):
    client = site(TOKEN)
    assert 'name="token"' in client.get("/").text
    answer = client.post("/login", data={"token": TOKEN}, follow_redirects=False)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"httponly", "samesite=strict"} <= {part.strip().lower() for part in cookie.split(";")}
    assert TOKEN not in cookie
    assert client.get("/api/status").status_code == 200
    client.post("/logout")
    assert client.get("/api/status").status_code == 401


def test_wrong_token_gives_no_session(site, caplog):
    client = site(TOKEN)
    answer = client.post("/login", data={"token": "hunter2hunter2hunter2"})
    assert "Invalid token" in answer.text
    assert COOKIE not in answer.cookies
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "[::1"])
def test_name_that_was_rebound_to_this_machine_reaches_nothing(site, host):
    client = site()
    for path in ("/", "/api/status", "/metrics"):
        assert client.get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:9", "[::1]:8080"])
def test_host_may_be_any_loopback_name(site, host):
    assert site().get("/api/status", headers={"Host": host}).status_code == 200


def test_host_beyond_loopback_may_have_any_name_with_a_token(site):
    client = site(TOKEN, host="0.0.0.0", url="http://edge7.plant:8080")
    assert client.get("/api/status").status_code == 401
    assert client.get("/api/status", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("path", ["/api/dead-letters/replay", "/api/dead-letters/delete", "/api/try"])
@pytest.mark.parametrize(
    "headers",
    [{}, {**OURS, "Origin": "http://evil.example"}, {**OURS, "Origin": "null"}, {"Origin": "http://127.0.0.1:8080"}],
)
def test_page_of_another_site_can_change_nothing(site, path, headers):
    client = site(TOKEN)
    client.post("/login", data={"token": TOKEN})
    assert client.post(path, json={"numbers": [1]}, headers=headers).status_code == 403


def test_changes_are_refused_without_a_token(site, bridge):
    bridge.reject({})
    answer = site().post("/api/dead-letters/delete", json={"numbers": [1]}, headers=OURS)
    assert answer.status_code == 403
    assert "http.token" in answer.json()["error"]
    assert bridge.spool.dead_letter_counts.count == 1


@pytest.mark.parametrize("path", ["/", "/static/page.css", "/api/status", "/nothing", "/metrics"])
def test_responses_forbid_what_the_page_does_not_need(site, path):
    headers = site().get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["..%2f..%2fapp.py", "%2e%2e/app.py", "app.py", "page.css%00", "index"])
def test_files_that_are_not_of_the_page_are_not_served(site, name):
    assert site().get(f"/static/{name}").status_code == 404


def test_wrong_token_from_an_address_with_many_is_refused_without_a_look(site, monkeypatch):
    client = site(TOKEN)
    monkeypatch.setattr("bridge.web.access.wrong_tokens.WrongTokens.refuses", lambda *_: True)
    assert client.get("/api/status", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 429
    assert client.post("/login", data={"token": TOKEN}).status_code == 429
    assert client.get("/healthz").status_code == 200


def test_session_is_not_affected_by_wrong_tokens_of_its_address(site, monkeypatch):
    client = site(TOKEN)
    client.post("/login", data={"token": TOKEN})
    monkeypatch.setattr("bridge.web.access.wrong_tokens.WrongTokens.refuses", lambda *_: True)
    assert client.get("/api/status").status_code == 200


def test_request_is_not_redirected_to_the_host_that_it_names(site):
    client = site(TOKEN, host="0.0.0.0", url="http://evil.example")
    assert client.get("/metrics/", follow_redirects=False).status_code == 404


def test_https_is_required_from_then_on_only_where_it_is_served(bridge, site):
    assert "strict-transport-security" not in site().get("/healthz").headers
    settings = HttpSettings.model_construct(listen="127.0.0.1:8080", cert_file="cert.pem")
    served = app.web_app(bridge, settings, Playground(bridge.mappings.folder), lambda: False)
    answer = TestClient(served, base_url="https://127.0.0.1:8080").get("/healthz")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_mapping_that_is_a_link_to_another_folder_is_not_shown(site, bridge, tmp_path):
    secret = tmp_path / "secret.yaml"
    secret.write_text("token: hunter2")
    (bridge.mappings.folder / "other.yaml").symlink_to(secret)
    (bridge.mappings.folder / "inside.yaml").symlink_to(bridge.mappings.folder / "press.yaml")
    bridge.mappings.reload()
    client = site()
    answer = client.get("/api/mappings/other")
    assert answer.status_code in {403, 404}
    assert "hunter2" not in answer.text
    assert client.get("/api/mappings/inside").status_code == 200
