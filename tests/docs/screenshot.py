"""Command `python -m tests.docs.screenshot`: save docs/images/page.png, the page of a bridge in the demo."""

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

from bridge.tools.demo.simulator import STREAMS
from tests.browser.conftest import BROWSER, CHROMIUM
from tests.docs.pages import DOCS, ROOT
from tests.docs.walkthrough import environment
from tests.fakes.kinesis import KinesisStandIn
from tests.harness.mosquitto import Mosquitto
from tests.harness.network import free_port, wait_for_port

IMAGE = DOCS / "images" / "page.png"
HISTORY_SECS = 150
"""Seconds of traffic before the screenshot, so that the chart of the last hour shows data."""
SIZE = {"width": 1200, "height": 860}


def configuration(folder: Path, broker: int, kinesis: int, page: int) -> Path:
    file = folder / "bridge.yaml"
    file.write_text(
        f"""\
mqtt: {{url: "mqtt://127.0.0.1:{broker}", client_id: press-shop}}
kinesis:
  region: us-east-1
  endpoint_url: http://127.0.0.1:{kinesis}
  authentication: {{type: token, access_key_id: local, secret_access_key: local}}
mappings: {ROOT / "mappings"}
spool: {{path: {folder / "data"}}}
http: {{listen: "127.0.0.1:{page}"}}
""",
        encoding="utf-8",
    )
    return file


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Mosquitto())
        kinesis = stack.enter_context(KinesisStandIn(dict.fromkeys(STREAMS, 2)))
        page = free_port()
        file = configuration(folder, broker.port, kinesis.port, page)
        for command in (
            [sys.executable, "-m", "bridge.tools.demo.simulator", "--broker", f"mqtt://127.0.0.1:{broker.port}"],
            [sys.executable, "-m", "bridge", "run", "--config", str(file)],
        ):  # fmt: skip
            process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        wait_for_port(page, timeout_secs=120)
        time.sleep(HISTORY_SECS)
        take(page)


def take(page: int) -> None:
    IMAGE.parent.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER)
        view = browser.new_page(viewport=SIZE)
        view.goto(f"http://127.0.0.1:{page}")
        view.wait_for_timeout(4_000)
        view.screenshot(path=IMAGE)
        browser.close()
    print(f"{IMAGE}: {IMAGE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
