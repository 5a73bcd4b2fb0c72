"""Accessibility: keyboard, narrow screens, dark mode and screen readers."""

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.harness.bridge_process import ROOT
from tests.integration.arrivals import eventually

AXE = ROOT / "build" / "node" / "node_modules" / "axe-core" / "axe.min.js"
GROUP = "dead-letters/group/press/transform/" + quote(
    "multiply(): argument N (a) must be a number, found string '…'", safe=""
)
VIEWS = {
    "": "accounting OK",
    "messages": "press: 1 record",
    "mappings": "1 mapping",
    "mappings/press": "passed",
    "new-mapping": "Open in the editor",
    "dead-letters": "Select all",
    "dead-letters/1": "Payload, ",
    GROUP: "Replay 3 dead letters",
    "system/streams": "the partition key determines the shard",
    "system/topics": "Mappings match the topics",
    "system/workers": "One process, without workers",
    "system/configuration": "mqtt.client_id",
    "system/doctor": "It sends no record",
}
"""Views, each with a text that is visible when the view is complete."""
LINES_OF_EACH_TEXT = """(cell) => [...cell.childNodes].filter((node) => node.nodeName === "#text").map((node) => {
    const range = document.createRange();
    range.selectNode(node);
    return range.getClientRects().length;
})"""
RUN_AXE = """(rules) => axe.run({include: document, exclude: "tbody tr:nth-child(n + 6)"}, {runOnly: rules})"""
"""Script that runs axe on the first rows of each table only: all rows are alike, and axe needs time for each."""
IN_ANY_COLOURS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
COLUMNS = """(field) => {
    const text = document.createElement("span");
    text.textContent = "x".repeat(100);
    text.style.font = getComputedStyle(field).font;
    text.style.position = "absolute";
    document.body.append(text);
    return field.clientWidth / (text.getBoundingClientRect().width / 100);
}"""
TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll(".frame, nav, .panel")]
    .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.outerHTML.slice(0, 200))"""


def views(page, plant):
    """Open each view, and yield its name when it is complete."""
    for view, there in VIEWS.items():
        page.goto(f"{plant.url}#/{view}")
        expect(page.get_by_text(there).first).to_be_visible()
        yield view


def test_page_is_accessible_in_light_and_dark_mode(open_page, plant):
    """Check each view by WCAG 2.1 AA and the best practices of axe. The dark theme differs only in colours."""
    page = open_page(bypass_csp=True)
    found = {}
    for view in views(page, plant):
        found[view] = violations(page)
        show(page, "dark")
        found[view] += violations(page, ["color-contrast"])
        show(page, "light")
    assert found == {view: [] for view in VIEWS}


def show(page, theme):
    """Change the theme, and wait for the end of the transitions of colours."""
    page.emulate_media(color_scheme=theme)
    page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")


def test_login_form_is_accessible(tab, plant):
    page = tab(bypass_csp=True)
    page.goto(plant.url)
    assert violations(page) == []
    page.get_by_label("Token").fill("something-else-entirely")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []


def violations(page, rules=IN_ANY_COLOURS):
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(content=Path(AXE).read_text())
    found = page.evaluate(RUN_AXE, rules)
    return [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]]


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_view_is_not_wider_than_the_screen(open_page, plant, width):
    """Check the page, tables and the navigation, whose links must be in one line."""
    page = open_page(width=width)
    assert {view: page.evaluate(TOO_WIDE) for view in views(page, plant)} == {view: [] for view in VIEWS}
    tops = page.evaluate("[...document.querySelectorAll('#views a')].map((each) => each.getBoundingClientRect().top)")
    assert len(set(tops)) == 1


def test_topic_is_broken_between_its_levels(open_page):
    page = open_page("dead-letters")
    topic, parts = page.locator("td.topic").first, ["factory/", "pdx/", "press07/", "telemetry"]
    expect(topic).to_be_visible()
    eventually(lambda: topic.evaluate(LINES_OF_EACH_TEXT) == [1] * len(parts), "each level lies on one line")


def test_editor_shows_its_lines_beside_the_output(open_page):
    page = open_page("mappings/press")
    editor = page.get_by_role("textbox", name="Text of press.yaml")
    expect(editor).to_be_visible()
    assert editor.evaluate(COLUMNS) >= 70
    result, box = page.get_by_role("region", name="Output").bounding_box(), editor.bounding_box()
    assert result["x"] >= box["x"] + box["width"]


def test_page_is_used_with_the_keyboard_alone(open_page):
    page = open_page("dead-letters")
    page.reload()  # reload, because a change of view moves the focus into the view
    expect(page.get_by_text("Select all")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page.get_by_role("heading", name="Dead letters", level=1)).to_be_visible()
    assert page.locator("main").evaluate("(main) => getComputedStyle(main).outlineStyle") == "none"
    for place in ("#verdict", "a[href='#/system']", "a[href='#/dead-letters']", "a[href='#/mappings']"):
        page.keyboard.press("Shift+Tab")
        expect(page.locator(f"header {place}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Mappings", level=1)).to_be_visible()
    page.get_by_role("region", name="All mappings").get_by_role("link", name="press").press("Enter")
    editor = page.get_by_role("textbox", name="Text of press.yaml")
    editor.focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Topic", exact=True)).to_be_focused()


def test_dark_is_dark(open_page):
    def ground(page):
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert ground(open_page()) != ground(open_page(dark=True)) == "rgb(13, 17, 23)"
