"""Valid and invalid requests that are generated from the API's description: each response matches the description.

schemathesis checks the status, the content type and the body of each response. It also checks that the API refuses
invalid requests and accepts valid ones. tests/web/test_roles.py tests the access.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from starlette.testclient import TestClient

from bridge.web.app import web_app
from bridge.web.playground import Playground
from bridge.web.settings import HttpSettings
from tests.cli.builders import set_up
from tests.web.bridges import Bridge
from tests.web.described import api

TOKEN = "a-token-of-16-characters"
BASE = "http://127.0.0.1:8080"
OPERATIONS = {each.ok().label: each.ok() for each in schemathesis.openapi.from_dict(api()).get_all_operations()}
WITH_INPUT = [label for label, each in OPERATIONS.items() if each.body or each.query]
EXAMPLES = settings.default.max_examples // 6
"""Number of examples. It is small, because schemathesis needs most of the time of an example to generate it."""
NOT_REFUSED = {"POST /login"}
"""Requests that get the form again, and no error status, for an invalid form."""
WITH_CONTENT = {"PUT /api/mappings/{name}"}
"""Requests that get 422 for a text that is no mapping, although the request itself is valid."""
CHECKED = [
    CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "positive_data_acceptance",
    )
]
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Client of a page whose event streams end immediately."""
    folder = tmp_path_factory.mktemp("bridge")
    set_up(folder)
    bridge = Bridge(folder)
    bridge.reject({}, {"payload": b"<script>"}, {"topic": "a/\u202e"})
    playground = Playground(bridge.mappings.folder)
    app = web_app(bridge, HttpSettings(token=TOKEN), playground, lambda: True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("bridge.web.access.guard.WRONG_TOKEN_SECS", 0.0)
        with TestClient(app, base_url=BASE, raise_server_exceptions=False) as client:
            yield client
            client.portal.call(playground.end)
    bridge.spool.close()


def is_blank(client, sent, label):
    """Return whether a parameter is empty or missing in the URL.

    An invalid empty list looks the same as a valid empty text, or as an optional parameter that was not given.
    """
    url = client.build_request("GET", BASE, params=sent.get("params")).url
    method, path = label.split(" ")
    parameters = api()["paths"][path][method.lower()].get("parameters", [])
    may_be_blank = {each["name"] for each in parameters if Draft202012Validator(each["schema"]).is_valid("")}
    missing = dict(sent.get("params") or {}).keys() - dict(url.params).keys()
    return bool(missing) or any(name in may_be_blank and not value for name, value in url.params.multi_items())


def respond(client, label, mode):
    accepted = CHECKS.get_one("positive_data_acceptance")
    checks = [each for each in CHECKED if each is not accepted or label not in WITH_CONTENT]

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=OPERATIONS[label].as_strategy(mode))
    def respond_to(case):
        sent = case.as_transport_kwargs(base_url=BASE)
        assume(mode is GenerationMode.POSITIVE or not is_blank(client, sent, label))
        case.headers["authorization"] = f"Bearer {TOKEN}"
        sent = case.as_transport_kwargs(base_url=BASE)
        del sent["cookies"]  # the header contains the token
        case.validate_response(client.request(**sent, follow_redirects=False), checks=checks)

    respond_to()


@pytest.mark.parametrize("label", OPERATIONS)
def test_valid_request_gets_a_described_response(client, label):
    respond(client, label, GenerationMode.POSITIVE)


@pytest.mark.parametrize("label", [label for label in WITH_INPUT if label not in NOT_REFUSED])
def test_invalid_request_is_refused_as_described(client, label):
    respond(client, label, GenerationMode.NEGATIVE)
