import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MARKUP, TOKEN
from tests.rig.bridge_process import ROOT

AXE = ROOT / "build" / "node" / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = ["", "messages", "mappings/press", "letters"]


def test_the_way_of_a_message_is_shown_live(open_page):
    page = open_page()
    expect(page.get_by_role("status").first).to_have_text("all is well")
    expect(page.get_by_text("press-shop")).to_be_visible()
    flow = page.get_by_role("list", name="The way of a message")
    expect(flow.get_by_text("subscribed")).to_be_visible()
    rate = flow.locator(".big").first
    expect(rate).to_have_text(re.compile(r"^[1-9]\d* messages/s"), timeout=10_000)
    books = page.get_by_role("region", name="Mappings").get_by_role("row", name=re.compile("^press"))
    before = int(books.get_by_role("cell").nth(4).inner_text().replace(",", ""))
    expect(books.get_by_role("cell").nth(4)).not_to_have_text(f"{before:,}", timeout=5_000)
    expect(page.get_by_text("the books balance")).to_be_visible()


def test_messages_come_with_their_records_and_markup_is_text(open_page):
    page = open_page("messages")
    expect(page.get_by_text(f"factory/{MARKUP}/press01/telemetry").first).to_be_visible(timeout=10_000)
    expect(page.get_by_text('{"machine":"press0').first).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    assert page.evaluate("window.harmed") is None
    assert page.locator("img[src=x]").count() == 0


def test_a_live_message_is_tried_in_the_playground(open_page, plant):
    page = open_page("messages")
    page.get_by_role("searchbox").fill("factory/pdx/press03")
    expect(page.get_by_text("factory/pdx/press03/telemetry").first).to_be_visible(timeout=10_000)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Try in the playground").first.click()
    expect(page.get_by_label("Topic")).to_have_value("factory/pdx/press03/telemetry")
    result = page.get_by_role("region", name="What becomes of it")
    expect(result.get_by_text("key press03")).to_be_visible(timeout=10_000)
    file = page.get_by_label(re.compile("^Edit it"))
    text = file.input_value()
    file.fill(text.replace("multiply(payload.t, `2`)", "'as typed'"))
    expect(result.get_by_text('"as typed"').first).to_be_visible(timeout=10_000)
    expect(page.get_by_text("edited here only")).to_be_visible()
    expect(page.get_by_role("region", name="Its own tests").get_by_text("failed", exact=True)).to_be_visible()
    file.fill(text.replace("multiply(payload.t", "multipy(payload.t"))
    expect(result.get_by_text(re.compile("did you mean 'multiply'"))).to_be_visible(timeout=10_000)
    assert (plant.folder / "mappings" / "press.yaml").read_text() == text


def test_a_dead_letter_is_shown_and_replayed_through_the_mended_mapping(open_page, plant):
    page = open_page("letters")
    row = page.get_by_role("row").filter(has_text="transform").first
    expect(row).to_be_visible(timeout=10_000)
    expect(row.get_by_text(MARKUP[:20])).to_be_visible()
    row.get_by_role("link").click()
    detail = page.get_by_role("region", name=re.compile(r"^Dead letter \d"))
    expect(detail.get_by_text("factory/pdx/press07/telemetry")).to_be_visible()
    mapping = plant.folder / "mappings" / "press.yaml"
    text = mapping.read_text()
    try:
        mapping.write_text(text.replace("multiply(payload.t, `2`)", "payload.t").replace("t: 42", "t: 21"))
        page.wait_for_timeout(2_500)
        page.get_by_role("button", name="Choose all shown").click()
        page.get_by_role("button", name=re.compile(r"^Replay \d")).click()
        expect(page.get_by_text(re.compile(r"^\d+ replayed$"))).to_be_visible(timeout=10_000)
        expect(page.get_by_text("There are none.")).to_be_visible()
    finally:
        mapping.write_text(text)


def test_a_mapping_that_breaks_is_said_on_the_overview(open_page, plant):
    page = open_page()
    mapping = plant.folder / "mappings" / "press.yaml"
    text = mapping.read_text()
    try:
        mapping.write_text(text.replace("outputs:", "outputs: ["))
        expect(page.get_by_role("status").first).to_have_text(re.compile("problem"), timeout=10_000)
        expect(page.get_by_role("region", name="What is wrong").get_by_text("press.yaml").first).to_be_visible()
    finally:
        mapping.write_text(text)
    expect(page.get_by_role("status").first).to_have_text("all is well", timeout=10_000)


def test_a_wrong_token_is_not_let_in(browser, plant):
    page = browser.new_page()
    page.goto(plant.url)
    page.get_by_label("Token").fill("something-else-entirely")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    page.goto(plant.url)
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("link", name="Overview")).to_be_visible()
    page.close()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dark", [False, True])
def test_everyone_can_use_it(open_page, view, dark):
    """WCAG 2.1 AA, by axe."""
    page = open_page(view, dark=dark, bypass_csp=True)
    expect(page.get_by_role("status").first).to_have_text("all is well", timeout=10_000)
    page.add_script_tag(content=Path(AXE).read_text())
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("width", [390, 820])
def test_nothing_is_wider_than_a_narrow_screen(open_page, view, width):
    page = open_page(view, width=width)
    expect(page.get_by_role("status").first).to_have_text("all is well", timeout=10_000)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_is_used_by_the_keyboard_alone(open_page):
    page = open_page()
    page.reload()  # as one who has just come: a change of view moves the focus into it
    expect(page.get_by_role("status").first).to_have_text("all is well", timeout=10_000)
    page.bring_to_front()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    for name in ("Overview", "Messages", "Mappings"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Mappings")).to_be_visible()
    editor = page.get_by_label(re.compile("^Edit it"))
    editor.focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Topic")).to_be_focused()


def test_dark_is_dark(open_page):
    def ground(page):
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert ground(open_page()) != ground(open_page(dark=True)) == "rgb(13, 17, 23)"
