"""Every operation without a token, with the token of the role `view`, and with the token of the role `edit`."""

import pytest

from bridge.web.openapi.document import access, keyed
from tests.web.conftest import TOKEN, VIEW_TOKEN
from tests.web.described import routes

ROUTES = dict(keyed(routes()))
OF_ACCESS = {"look": (True, True), "act": (True, True), "edit": (False, True)}
"""Permission of the roles view and edit, by the access of an operation."""
PAGE = {"X-Mqtt-Kinesis": "page"}


def ask(client, key, **headers):
    method, path = key.split(" ")
    return client.request(method, path, json={}, headers=headers).status_code


@pytest.mark.parametrize("key", [key for key, route in ROUTES.items() if access(route) != "everybody"])
def test_operation_is_open_to_the_roles_of_its_description(site, key):
    client = site(TOKEN, view_token=VIEW_TOKEN, stopped=True)
    assert ask(client, key, **PAGE) == 401
    for token, may in zip((VIEW_TOKEN, TOKEN), OF_ACCESS[access(ROUTES[key])], strict=True):
        status = ask(client, key, **PAGE, Authorization=f"Bearer {token}")
        assert (status not in (401, 403)) is may, (token, status)


@pytest.mark.parametrize("key", [key for key, route in ROUTES.items() if access(route) in ("act", "edit")])
def test_operation_that_acts_is_refused_to_other_sites(site, key):
    client = site(TOKEN)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert ask(client, key, **bearer) == 403
    assert ask(client, key, **bearer, **PAGE, Origin="http://elsewhere.example") == 403


@pytest.mark.parametrize("key", [key for key, route in ROUTES.items() if access(route) == "edit"])
def test_operation_that_edits_is_refused_without_any_token(site, key):
    assert ask(site(), key, **PAGE) == 403


def test_operations_open_to_everybody_are_only_these():
    assert {key for key, route in ROUTES.items() if access(route) == "everybody"} == {
        "GET /",
        "POST /login",
        "GET /static/{name:path}",
        "GET /healthz",
        "GET /readyz",
    }
