"""Fixtures for tests of the page: a real bridge, a real broker and a real browser."""

import contextlib
import json
import re
import shutil
import threading

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.editor import Edited
from tests.fakes.kinesis import KinesisStandIn
from tests.harness.bridge_process import BridgeProcess, write_configuration, write_mapping
from tests.harness.mosquitto import Mosquitto
from tests.harness.network import free_port
from tests.harness.publisher import Publisher

TOKEN = "a-token-of-the-plant"
VIEW_TOKEN = "demo-token-that-only-views"
REFUSED = r"status of (404|409|422)"
"""Messages of the browser console for error responses that the page handles."""
expect.set_options(timeout=20_000)
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
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""Browser. chromium-headless-shell needs only two thirds of the CPU, but not every system has a package of it."""
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


def settings(broker, kinesis, host="127.0.0.1", **http):
    """Return settings for write_configuration. The page has the same port after a restart."""
    return {
        "mqtt": {"url": f"mqtt://127.0.0.1:{broker.port}", "client_id": "press-shop"},
        "kinesis": {"endpoint_url": kinesis.url},
        "mappings": {"press": MAPPING},
        "http": {"listen": f"{host}:{free_port()}", **http},
    }


class Factory:
    """Simulated presses that publish until the test ends. `rate` is the number of rounds per second."""

    def __init__(self, port, rate=10):
        self.rate = rate
        self._port = port
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._produce)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()

    def _produce(self):
        count = 0
        with Publisher(self._port) as publisher:
            while not self._stopping.wait(1 / self.rate):
                count += 1
                # Some tests stop the broker for a while.
                with contextlib.suppress(TimeoutError):
                    publisher.publish(list(self._messages(count)))

    def _messages(self, count):
        good = json.dumps({"t": count, "status": "RUN"}).encode()
        for number in range(5):
            yield f"factory/pdx/press{number:02d}/telemetry", good
        if count in (1, 2, 3):
            yield "factory/pdx/press07/telemetry", json.dumps({"t": MARKUP}).encode()
        yield f"factory/{MARKUP}/press01/telemetry", good


class Plant:
    """A bridge with its page, a broker, a stand-in for Kinesis, and a simulated factory."""

    def __init__(self, folder, broker, kinesis, **http):
        write_configuration(folder, **settings(broker, kinesis, **http))
        self.folder = folder
        self.broker = broker
        self.kinesis = kinesis
        self.bridge = BridgeProcess(folder)
        self.factory = Factory(broker.port)

    def __enter__(self):
        self.bridge.__enter__()
        self.url = self.bridge.wait_for("status page listening")["url"]
        self.factory.__enter__()
        return self

    @contextlib.contextmanager
    def without_factory(self, messages):
        """Yield this plant without its factory. Only these messages are published."""
        with self.bridge:
            self.url = self.bridge.wait_for("status page listening")["url"]
            with Publisher(self.broker.port) as publisher:
                publisher.publish(messages)
            yield self

    def __exit__(self, *_):
        self.factory.__exit__()
        self.bridge.__exit__()


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    """Plant with both tokens, for tests that do not change its state."""
    folder = tmp_path_factory.mktemp("plant")
    with (
        Mosquitto() as broker,
        KinesisStandIn({"telemetry": 1}) as kinesis,
        Plant(folder, broker, kinesis, token=TOKEN, view_token=VIEW_TOKEN) as plant,
    ):
        yield plant


@pytest.fixture(scope="module")
def browser(request):
    """The browser. Plants must start first: afterwards, playwright permits no other event loop in this thread."""
    for name in ("plant", "troubled"):
        if name in request.fixturenames:
            request.getfixturevalue(name)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=BROWSER)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser):
    """Function tab(width=1280, dark=False) that opens a page. Console errors fail the test unless `without` matches."""
    contexts, complaints = [], []

    def make(*, width=1280, height=900, dark=False, without="nothing of it", **options):
        view = {"width": width, "height": height}
        context = browser.new_context(color_scheme="dark" if dark else "light", viewport=view, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if _complains(said, without) else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def _complains(said, without):
    return said.type in ("error", "warning") and not re.search(without, said.text)


def log_in(page, url, view=""):
    """Log in like a user, and then open a view."""
    page.goto(url)
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_label("Your name").fill("Anna")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("navigation", name="Views")).to_be_visible()
    page.goto(f"{url}#/{view}")
    return page


@pytest.fixture
def open_page(tab, plant):
    """Function open_page(view="", **options of tab) that opens a view of the page as a logged-in user."""
    return lambda view="", **options: log_in(tab(**options), plant.url, view)


@pytest.fixture
def edit(open_page, plant):
    """Function edit(name, text=MAPPING, **options of tab) that opens a mapping in the editor.

    It writes the file and waits until the bridge has loaded it. With text=None, the file already exists.
    """

    def opened(name, text=MAPPING, **options):
        if text is not None:
            write_mapping(plant.folder, name, text)
        page = open_page("mappings", without=REFUSED, **options)
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
        expect(row.get_by_text("active", exact=True)).to_be_visible()
        row.get_by_role("link", name=name, exact=True).click()
        edited = Edited(page, name)
        expect(page.get_by_text("valid", exact=True)).to_be_visible()
        return edited

    return opened
