"""Verdict, curves and event log during a real fault, after it, and after a restart of the bridge."""

import csv
import io
import re

import pytest
from playwright.sync_api import expect

from bridge.monitoring.recording.event_log import EVENT_FILE
from tests.browser.conftest import Plant
from tests.browser.test_looks import violations
from tests.browser.test_states import GONE, RED, step, verdict
from tests.fakes.kinesis import KinesisStandIn
from tests.harness.mosquitto import Mosquitto
from tests.integration.arrivals import eventually

pytestmark = pytest.mark.slow

SECS_OF_OUTAGE = re.compile(r"(\d+ s|\d+ min)$")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    with Mosquitto() as broker, KinesisStandIn({"telemetry": 1}) as kinesis, Plant(folder, broker, kinesis) as plant:
        yield plant


@pytest.fixture(scope="module", autouse=True)
def _before_the_browser(recorded):
    """Start the plant before the browser, because playwright then permits no other event loop in this thread."""


@pytest.fixture
def page(tab, recorded):
    page = tab(without=GONE, bypass_csp=True)
    page.goto(recorded.url)
    expect(verdict(page)).to_have_text(re.compile("^OK"), timeout=60_000)
    return page


def written(plant, *parts):
    """Return whether a line of the event log on disk contains all these parts."""
    lines = (plant.folder / "data" / EVENT_FILE).read_text().splitlines()
    return any(all(part in line for part in parts) for line in lines)


def chart(page, title):
    caption = page.get_by_text(title, exact=True)
    return page.get_by_role("region", name="Curves").get_by_role("figure").filter(has=caption)


def value(page, title, name):
    return chart(page, title).get_by_role("listitem").filter(has_text=re.compile(f"^{name}")).get_by_role("status")


def events(page):
    return page.get_by_role("region", name="Events, newest first").get_by_role("row")


def test_curves_show_values_that_can_be_read_and_downloaded(page):
    expect(value(page, "Records", "delivered")).to_have_text(re.compile(r"^[1-9]\d*$"), timeout=60_000)
    expect(value(page, "Latency", "p99")).to_have_text(re.compile(r"^[\d.]+ (ms|s)$"))
    expect(value(page, "Process", "memory")).to_have_text(re.compile(r" MiB$"))
    expect(page.locator(".plot canvas")).to_have_count(7)
    page.get_by_text("Values as a table").click()
    row = page.get_by_role("region", name="Curves").get_by_role("row").filter(has_text="Records: delivered")
    expect(row.get_by_role("cell").last).to_have_text(re.compile(r"^[1-9]\d*$"))
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert download.value.suggested_filename == "mqtt-kinesis-15m.csv"
    assert max(float(row["delivered (records/s)"] or 0) for row in rows) > 0


def test_cursor_is_common_to_all_charts_and_a_drag_zooms_them(page):
    records = chart(page, "Records").locator(".u-over")
    expect(value(page, "Records", "delivered")).to_have_text(re.compile(r"\d"), timeout=60_000)
    box = records.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    expect(page.get_by_text(re.compile(r"^at \d\d:\d\d:\d\d UTC$"))).to_be_visible()
    expect(chart(page, "Disk").locator(".u-cursor-x")).to_be_visible()
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 30, steps=4)
    page.mouse.up()
    reset = page.get_by_role("button", name="Reset zoom")
    expect(reset).to_be_visible()
    records.dblclick()
    expect(reset).to_be_hidden()


def test_keyboard_moves_the_cursor_and_changes_the_range(page):
    expect(value(page, "Records", "delivered")).to_have_text(re.compile(r"\d"), timeout=60_000)
    page.get_by_role("group", name="Records: chart").press("ArrowLeft")
    expect(page.get_by_text(re.compile(r"^at \d\d:\d\d:\d\d UTC$"))).to_be_visible()
    day = page.get_by_role("button", name="24 hours")
    day.press("Enter")
    expect(day).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("link", name="CSV")).to_have_attribute("href", "/api/curves.csv?range=24h")


@pytest.mark.parametrize(("width", "height"), [(768, 1024), (1280, 800)])
def test_verdict_numbers_and_main_curve_fit_one_screen(tab, recorded, width, height):
    page = tab(width=width, height=height, without=GONE)
    page.goto(recorded.url)
    records = chart(page, "Records").locator("canvas")
    expect(records).to_be_visible(timeout=60_000)
    recorded.kinesis.fault("error")
    try:
        expect(page.get_by_role("region", name="Active problems")).to_be_visible(timeout=60_000)
        box = records.bounding_box()
        assert box["y"] + box["height"] <= height
        assert page.evaluate("scrollY") == 0
    finally:
        recorded.kinesis.clear()
    expect(verdict(page)).to_have_text(re.compile("^OK"), timeout=90_000)


def test_outage_of_kinesis_marks_stage_and_stream_and_is_logged(page, recorded):
    recorded.kinesis.fault("error")
    expect(page.locator("#state-word")).to_have_text("✕ Failing", timeout=60_000)
    expect(page.locator("#state-more")).to_have_text(re.compile(r"^for .* records safe on disk · buffer: room for "))
    expect(page.get_by_role("status").first).to_have_css("background-color", RED)
    expect(step(page, "Kinesis")).to_have_class(re.compile(r"\bbad\b"))
    expect(step(page, "Kinesis")).to_contain_text(re.compile(r"✕ Broken since [\d:]+ UTC \(.*\): InternalFailure"))
    row = page.get_by_role("region", name="Streams").get_by_role("row", name=re.compile("^telemetry"))
    expect(row).to_contain_text(re.compile("stalled.*since .*InternalFailure"))
    problem = events(page).filter(has_text="Kinesis accepts no records of stream telemetry").first
    expect(problem).to_contain_text("ongoing since", timeout=30_000)
    assert violations(page) == []
    recorded.kinesis.clear()
    expect(verdict(page)).to_have_text(re.compile("^OK"), timeout=90_000)
    expect(step(page, "Kinesis")).not_to_have_class(re.compile(r"\bbad\b"))
    page.get_by_label("Kind of event").select_option("recovered")
    recovered = events(page).filter(has_text="Kinesis accepts no records of stream telemetry").first
    expect(recovered.get_by_role("cell").last).to_have_text(SECS_OF_OUTAGE, timeout=60_000)


def test_outage_of_the_broker_is_an_event_after_a_kill_of_the_bridge_too(page, recorded):
    recorded.broker.stop()
    expect(step(page, "Broker")).to_have_class(re.compile(r"\b(bad|warn)\b"), timeout=60_000)
    expect(step(page, "Broker")).to_contain_text("since")
    expect(events(page).filter(has_text="no MQTT session with").first).to_be_visible(timeout=60_000)
    recorded.broker.start()
    page.get_by_label("Kind of event").select_option("recovered")
    recovered = events(page).filter(has_text="no MQTT session with").first
    expect(recovered.get_by_role("cell").last).to_have_text(SECS_OF_OUTAGE, timeout=90_000)
    lasted = recovered.get_by_role("cell").last.inner_text()
    # The page shows an event before the bridge writes it to disk, so a kill loses the events of the last seconds.
    eventually(lambda: written(recorded, '"recovered"', "no MQTT session with"), "the event is written")
    recorded.bridge.kill()
    recorded.bridge.start()
    expect(verdict(page)).to_have_text(re.compile("^OK"), timeout=90_000)
    page.get_by_label("Kind of event").select_option("")
    expect(events(page).filter(has_text="the previous run did not stop cleanly").first).to_be_visible(timeout=60_000)
    page.get_by_label("Kind of event").select_option("recovered")
    again = events(page).filter(has_text="no MQTT session with").first
    expect(again.get_by_role("cell").last).to_have_text(lasted, timeout=30_000)
