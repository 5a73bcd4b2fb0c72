"""The page of a real bridge, with messages from a real broker, in a real browser."""

import json
import threading

import pytest
from playwright.sync_api import sync_playwright

from tests.rig.bridge_process import BridgeProcess, write_configuration
from tests.rig.mosquitto import Mosquitto
from tests.rig.publisher import Publisher
from tests.stand_in.kinesis import KinesisStandIn

TOKEN = "a-token-of-the-plant"
MARKUP = "<img src=x onerror=window.harmed=1>"
MAPPING = """\
topic: factory/{site}/{machine}/telemetry
where: payload.status != 'OFF'
transform: "{ machine: captures.machine, t: multiply(payload.t, `2`) }"
outputs: [{data_stream: telemetry, partition_key_from: captures.machine}]
tests:
  - name: a press
    topic: factory/pdx/press07/telemetry
    payload: {t: 21}
    expect: [{data_stream: telemetry, partition_key: press07, data: {machine: press07, t: 42}}]
"""
BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


class Plant:
    """A bridge with a page, and presses that publish until the end of the tests."""

    def __init__(self, folder, broker, kinesis):
        write_configuration(
            folder,
            mqtt={"url": f"mqtt://127.0.0.1:{broker.port}", "client_id": "press-shop"},
            kinesis={"endpoint_url": kinesis.url},
            mappings={"press": MAPPING},
            http={"listen": "127.0.0.1:0", "token": TOKEN},
        )
        self.folder = folder
        self.bridge = BridgeProcess(folder)
        self._broker = broker
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._produce)

    def __enter__(self):
        self.bridge.__enter__()
        self.url = self.bridge.wait_for("page")["url"]
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        self.bridge.__exit__()

    def _produce(self):
        count = 0
        with Publisher(self._broker.port) as publisher:
            while not self._stopping.wait(0.1):
                count += 1
                good = json.dumps({"t": count, "status": "RUN"}).encode()
                messages = [(f"factory/pdx/press{number:02d}/telemetry", good) for number in range(5)]
                if count in (1, 2, 3):
                    messages.append(("factory/pdx/press07/telemetry", json.dumps({"t": MARKUP}).encode()))
                publisher.publish([*messages, (f"factory/{MARKUP}/press01/telemetry", good)])


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plant")
    with Mosquitto() as broker, KinesisStandIn({"telemetry": 1}) as kinesis, Plant(folder, broker, kinesis) as plant:
        yield plant


@pytest.fixture(scope="module")
def browser(plant):
    """After the plant: what playwright starts in this thread lets no other event loop be made in it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=BROWSER)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, plant):
    """open_page(view="", width=1280, dark=False): logged in. What the page complains of fails the test at its end."""
    contexts, complaints = [], []

    def make(view="", *, width=1280, height=900, dark=False, bypass_csp=False):
        context = browser.new_context(
            color_scheme="dark" if dark else "light", viewport={"width": width, "height": height}, bypass_csp=bypass_csp
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(plant.url)
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        page.goto(f"{plant.url}#/{view}")
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []
