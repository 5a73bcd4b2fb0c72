"""Tab System: shards, topics, workers, configuration and doctor, for both roles."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MAPPING, TOKEN, VIEW_TOKEN, Plant, log_in
from tests.fakes.kinesis import KinesisStandIn
from tests.harness.mosquitto import Mosquitto


@pytest.fixture(scope="module")
def troubled(tmp_path_factory):
    """Plant with a packed stream of two shards, and with topics that no mapping matches."""
    folder = tmp_path_factory.mktemp("system")
    with Mosquitto() as broker, KinesisStandIn({"telemetry": 2}) as kinesis:
        plant = Plant(folder, broker, kinesis, token=TOKEN, view_token=VIEW_TOKEN)
        packed = MAPPING.replace("partition_key_from:", "packing: kpl, partition_key_from:")
        (folder / "mappings" / "press.yaml").write_text(packed)
        messages = [(f"factory/pdx/press{n}/telemetry", json.dumps({"t": n}).encode()) for n in range(40)]
        with plant.without_factory(messages):
            yield plant


def test_shards_are_shown_with_their_ranges(tab, troubled):
    page = log_in(tab(), troubled.url, "system")
    stream = page.get_by_role("region", name="telemetry")
    expect(stream.get_by_text("0 % to 50 %")).to_be_visible()
    expect(stream.get_by_text("50 % to 100 %")).to_be_visible()
    expect(stream.get_by_role("row")).to_have_count(3)


def test_topics_are_shown_by_mapping(tab, troubled):
    page = log_in(tab(), troubled.url, "system/topics")
    row = page.get_by_role("region", name="Messages by mapping").get_by_role("row").nth(1)
    expect(row.get_by_role("cell").nth(2)).to_have_text("40")
    expect(page.get_by_text("Mappings match the topics of all received messages.")).to_be_visible()


def test_configuration_is_filtered_and_has_no_secret(tab, troubled):
    page = log_in(tab(), troubled.url, "system/configuration")
    table = page.get_by_role("region", name="Configuration")
    expect(table.get_by_role("row").filter(has_text="http.token").get_by_text("set (secret)")).to_be_visible()
    assert TOKEN not in page.content()
    page.get_by_role("searchbox", name="Filter options").fill("spool.when")
    expect(table.get_by_role("row")).to_have_count(2)
    page.get_by_label("Only options that are set").check()
    expect(page.get_by_text("No option matches the filter.")).to_be_visible()


def test_tabs_are_reached_by_the_keyboard(tab, troubled):
    page = log_in(tab(), troubled.url, "system")
    tabs = page.get_by_role("navigation", name="System")
    for name in ("Topics", "Workers", "Configuration", "Doctor"):
        tabs.get_by_role("link", name=name).press("Enter")
        expect(tabs.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
        expect(tabs.get_by_role("link", name=name)).to_be_focused()


def test_doctor_runs_for_the_role_edit_and_shows_its_findings(tab, troubled):
    page = log_in(tab(), troubled.url, "system/doctor")
    page.get_by_role("button", name="Run doctor").press("Enter")
    expect(page.get_by_text("Doctor is running …")).to_be_visible()
    expect(page.get_by_text("connected and authenticated")).to_be_visible(timeout=90_000)
    expect(page.get_by_role("status").filter(has_text=re.compile(r"UTC, took \d+ s"))).to_be_visible()


def test_view_opened_before_the_role_is_known_offers_what_the_role_may_do(tab, troubled):
    page = log_in(tab(), troubled.url)
    held = []

    def hold(route):
        held.append(route)

    page.route("**/api/session", hold)
    with page.expect_request("**/api/session"):
        page.reload(wait_until="commit")
    page.evaluate("location.hash = '#/system/doctor'")
    held[0].continue_()
    expect(page.get_by_role("button", name="Run doctor")).to_be_visible()


def test_role_view_cannot_run_doctor(tab, troubled):
    page = tab()
    page.goto(troubled.url)
    page.get_by_label("Token").fill(VIEW_TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{troubled.url}#/system/doctor")
    expect(page.get_by_text("Read-only: log in with http.token to run doctor.")).to_be_visible()
    expect(page.get_by_role("button", name="Run doctor")).to_have_count(0)
