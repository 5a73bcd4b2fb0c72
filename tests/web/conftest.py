import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from bridge.web.app import web_app
from bridge.web.playground import Playground
from bridge.web.settings import HttpSettings
from tests.cli.builders import set_up
from tests.web.bridges import Bridge
from tests.web.described import check_response

TOKEN = "a-token-of-the-plant"
VIEW_TOKEN = "a-token-to-view-only"
OURS = {"X-Mqtt-Kinesis": "page", "Authorization": f"Bearer {TOKEN}"}
"""Headers of a request that the page sends with the role `edit`."""


@pytest.fixture
def bridge(tmp_path):
    set_up(tmp_path)
    made = Bridge(tmp_path)
    yield made
    made.spool.close()


@pytest.fixture
def site(bridge):
    """site(token=None, view_token=None, host="127.0.0.1"): a client of the page, as a browser at http://127.0.0.1:8080.

    `stopped`: event streams end at once. Each response is compared with the description of the API.
    """
    clients = []

    def make(token=None, host="127.0.0.1", url="http://127.0.0.1:8080", view_token=None, stopped=False):
        tokens = {"token": token and SecretStr(token), "view_token": view_token and SecretStr(view_token)}
        settings = HttpSettings.model_construct(listen=f"{host}:8080", **tokens)
        playground = Playground(bridge.mappings.folder)
        app = web_app(bridge, settings, playground, lambda: stopped)
        client = TestClient(app, base_url=url, raise_server_exceptions=False)
        client.event_hooks = {"response": [check_response]}
        clients.append((client.__enter__(), playground))
        return client

    yield make
    for client, playground in clients:
        client.portal.call(playground.end)  # in the loop that has started its process
        client.__exit__(None, None, None)
