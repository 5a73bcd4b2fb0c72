"""Groups of dead letters: open, replay and delete a group."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TOKEN, VIEW_TOKEN, Plant, log_in
from tests.fakes.kinesis import KinesisStandIn
from tests.harness.mosquitto import Mosquitto

TOPIC = "factory/pdx/press07/telemetry"


@pytest.fixture(scope="module")
def troubled(tmp_path_factory):
    """A plant with 40 dead letters of one group and 2 of another, and without a factory."""
    folder = tmp_path_factory.mktemp("troubled")
    with Mosquitto() as broker, KinesisStandIn({"telemetry": 1}) as kinesis:
        plant = Plant(folder, broker, kinesis, token=TOKEN, view_token=VIEW_TOKEN)
        payloads = [*(json.dumps({"t": f"text {number}"}).encode() for number in range(40)), b"{", b"["]
        with plant.without_factory([(TOPIC, payload) for payload in payloads]):
            yield plant


def groups(page):
    return page.get_by_role("region", name="Groups")


def test_group_is_opened_and_shows_its_dead_letters_only(tab, troubled):
    page = log_in(tab(), troubled.url, "dead-letters")
    rows = groups(page).get_by_role("row")
    expect(rows.filter(has_text="transform").get_by_role("cell").nth(1)).to_have_text("40")
    groups(page).get_by_role("link", name=re.compile("multiply")).click()
    expect(groups(page).get_by_text(re.compile("found string 'text 0'"))).to_be_visible()
    listed = page.get_by_role("region", name="Dead letters", exact=True)
    expect(listed.get_by_text(re.compile("^Dead letters of the group"))).to_be_visible()
    expect(listed.locator("tr.of-dead-letter")).to_have_count(25)
    page.get_by_role("button", name="Load older").click()
    expect(listed.locator("tr.of-dead-letter")).to_have_count(40)
    listed.get_by_role("link", name="Dead letter 40").click()
    expect(page.get_by_role("link", name="Open in the editor with this message")).to_have_attribute(
        "href", "#/mappings/press/dead-letter/40"
    )
    expect(listed.get_by_text(re.compile("^Dead letters of the group"))).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(listed.get_by_label("Code")).to_be_visible()


def test_role_view_has_no_button_that_changes_anything(tab, troubled):
    page = tab()
    page.goto(troubled.url)
    page.get_by_label("Token").fill(VIEW_TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{troubled.url}#/dead-letters")
    groups(page).get_by_role("link", name=re.compile("multiply")).click()
    expect(groups(page).get_by_role("heading", name="Examples")).to_be_visible()
    expect(page.get_by_text("Read-only: log in with http.token to replay and delete here.")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^(Replay|Delete)"))).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(0)


def test_group_is_replayed_and_deleted_after_a_confirmation(tab, troubled):
    page = log_in(tab(), troubled.url, "dead-letters")
    groups(page).get_by_role("link", name=re.compile("multiply")).press("Enter")
    page.get_by_role("button", name="Replay 40 dead letters").click()
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    expect(groups(page).get_by_text(re.compile("^40 failed again: "))).to_be_visible()
    page.get_by_role("button", name="Delete 40 dead letters").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(groups(page).get_by_role("row").filter(has_text="transform").first).to_be_visible()
    page.get_by_role("button", name="Delete 40 dead letters").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(groups(page).get_by_text("40 deleted")).to_be_visible()
    expect(groups(page).get_by_role("row").filter(has_text="transform")).to_have_count(0)
    expect(groups(page).get_by_role("row").filter(has_text="decode").first).to_be_visible()
