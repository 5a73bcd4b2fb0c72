"""Endpoint of the API's own description."""

import pytest

from bridge import __version__
from tests.web.conftest import TOKEN


def test_description_has_the_routes_of_the_page_that_serves_it(site):
    described = site().get("/api/openapi.json").json()
    assert described["info"]["version"] == __version__
    assert {"/healthz", "/api/status", "/api/openapi.json"} <= described["paths"].keys()


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"Authorization": f"Bearer {TOKEN}"}, 200)])
def test_description_requires_read_access(site, headers, status):
    assert site(TOKEN).get("/api/openapi.json", headers=headers).status_code == status
