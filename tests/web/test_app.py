"""The page's application: its endpoints, and the responses to errors."""

import pytest

from bridge.errors import BridgeError
from bridge.web.app import no_content


def test_defect_of_the_page_is_reported_and_stops_nothing(site, bridge, caplog):
    bridge.snapshot = lambda: 1 / 0
    client = site()
    assert client.get("/api/status").status_code == 500
    assert "ZeroDivisionError" in caplog.text
    assert client.get("/api/dead-letters").status_code == 200


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "POST"])
def test_method_that_no_endpoint_serves_is_405_with_a_reason(site, method):
    response = site().request(method, "/api/status")
    assert (response.status_code, response.json()) == (405, {"error": "Method Not Allowed"})
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize("path", ["/api/dead-letters/groups", "/api/dead-letters/numbers"])
def test_path_beside_that_of_a_dead_letter_has_its_own_endpoint(site, path):
    assert site().get(path).status_code == 200


def test_error_of_the_bridge_is_409_with_its_text(site, bridge):
    def fail(worker):
        raise BridgeError(f"there is no worker {worker}")

    bridge.dead_letters_folder = fail
    response = site().get("/api/dead-letters?worker=7")
    assert (response.status_code, response.json()) == (409, {"error": "there is no worker 7"})


def test_defect_of_the_page_does_not_show_its_text_to_the_client(site, bridge):
    def fail():
        raise ValueError("secret value")

    bridge.snapshot = fail
    assert site().get("/api/status").json() == {"error": "internal error: ValueError; the log has details"}


def test_client_that_disconnects_during_its_request_is_no_error(caplog):
    assert no_content(None, None).status_code == 400
    assert caplog.records == []
