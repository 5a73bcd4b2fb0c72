import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MARKUP, TOKEN, VIEW_TOKEN


def ledger(page):
    """Return the cells in the row of the mapping: name, rate, sparkline, received, …"""
    panel = page.get_by_role("region", name="Ledger")
    return panel.get_by_role("row", name=re.compile("^press")).get_by_role("cell")


def test_way_of_a_message_is_shown_live(open_page):
    page = open_page()
    expect(page.get_by_role("status").first).to_have_text("OK: receiving, spooling and delivering")
    expect(page.get_by_text("press-shop")).to_be_visible()
    flow = page.get_by_role("list", name="Message flow")
    expect(flow.get_by_text("subscribed")).to_be_visible()
    expect(flow.get_by_text(re.compile(r"^\d+ throttled.*, \d+ retried$"))).to_be_visible()
    rate = flow.locator(".big").first
    expect(rate).to_have_text(re.compile(r"^[1-9]\d* messages/s"))
    received = ledger(page).nth(3)
    before = received.inner_text()
    expect(received).not_to_have_text(before)
    expect(page.get_by_text("accounting OK")).to_be_visible()


def test_overview_fits_a_tablet_and_its_tables_unfold(open_page):
    page = open_page(width=768, height=1024)
    expect(page.locator(".plot canvas")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollHeight") <= 1024
    streams = page.get_by_role("region", name="Streams")
    expect(streams.get_by_role("table")).to_be_hidden()
    page.get_by_role("button", name="Show Streams").click()
    expect(streams.get_by_role("table")).to_be_visible()
    page.get_by_role("button", name="More curves").click()
    expect(page.locator(".plot canvas")).to_have_count(7)


@pytest.mark.slow
def test_line_reports_how_long_a_time_it_covers(open_page):
    page = open_page()
    head = page.get_by_role("region", name="Streams").get_by_role("columnheader", name=re.compile("^Last"))
    expect(head).to_have_text(re.compile(r"^Last \d+ (s|min)$"), timeout=90_000)
    told = page.evaluate("""async () => {
        const { known } = await import("/static/event_stream.js");
        const { covered } = await import("/static/sparkline.js");
        return [1, 2, 60, 360].map((count) => {
            const points = [...Array(360 - count).fill(null), ...Array(count).fill(1)];
            known.history = { step_secs: 10, series: { any: points } };
            return covered();
        });
    }""")
    assert told == ["", "last 20 s", "last 10 min", "last hour"]


def test_update_each_second_keeps_scroll_position_and_selection(open_page):
    page = open_page()
    link, received = ledger(page).get_by_role("link", name="press"), ledger(page).nth(3)
    link.focus()
    for _ in range(3):
        before = received.inner_text()
        expect(received).not_to_have_text(before)
    expect(link).to_be_focused()


def test_messages_come_with_their_records_and_markup_is_text(open_page):
    page = open_page("messages")
    expect(page.get_by_text(f"factory/{MARKUP}/press01/telemetry").first).to_be_visible()
    page.get_by_role("button", name="Expand all").click()
    expect(page.get_by_text('"machine": "press0').first).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    assert page.evaluate("window.harmed") is None
    assert page.locator("img[src=x]").count() == 0


def test_messages_are_narrowed_to_a_topic_and_stand_still_under_a_pointer(open_page):
    page = open_page("messages")
    page.get_by_label("Topic").fill("press03")
    messages = page.get_by_role("feed").get_by_role("article")
    expect(messages.nth(2)).to_contain_text("factory/pdx/press03/telemetry")
    assert {each.get_attribute("aria-label") for each in messages.all()} == {"factory/pdx/press03/telemetry"}
    messages.first.hover()
    expect(page.get_by_text("paused while you interact")).to_be_visible()
    before = messages.first.inner_text()
    page.wait_for_timeout(1_500)
    assert messages.first.inner_text() == before
    page.get_by_label("Topic").hover()
    expect(messages.first).not_to_have_text(before)


def test_live_message_is_opened_in_the_editor(open_page):
    page = open_page("messages")
    page.get_by_label("Topic").fill("factory/pdx/press03")
    page.get_by_role("article", name="factory/pdx/press03/telemetry").first.locator("summary").click()
    page.get_by_role("button", name="Open in the editor").first.click()
    expect(page.get_by_label("Topic", exact=True)).to_have_value("factory/pdx/press03/telemetry")
    expect(page.get_by_role("region", name="Output").get_by_text("key press03")).to_be_visible()


def test_mappings_are_listed_and_found_by_a_part_of_their_name(open_page):
    page = open_page("mappings")
    table = page.get_by_role("region", name="All mappings")
    row = table.get_by_role("row").filter(has_text="factory/{site}/{machine}/telemetry")
    expect(row.get_by_text(re.compile("^last message"))).to_be_visible()
    page.get_by_role("searchbox").fill("none of them")
    expect(page.get_by_text("No mapping matches the filter.")).to_be_visible()
    page.get_by_role("searchbox").fill("TELEMETRY")
    row.get_by_role("link", name="press").click()
    expect(page.get_by_role("heading", name="press", exact=True)).to_be_visible()
    page.get_by_role("link", name="All mappings").click()
    expect(table).to_be_visible()


def test_dead_letter_is_shown_and_replayed_through_the_fixed_mapping(open_page, plant):
    page = open_page("dead-letters")
    row = page.locator("tr.of-dead-letter").filter(has_text="transform").first
    expect(row).to_be_visible()
    expect(row.get_by_text(MARKUP[:20])).to_be_visible()
    row.get_by_role("link").click()
    detail = page.get_by_role("region", name=re.compile(r"^Dead letter \d"))
    expect(detail.get_by_text("factory/pdx/press07/telemetry")).to_be_visible()
    mapping = plant.folder / "mappings" / "press.yaml"
    text = mapping.read_text()
    try:
        mapping.write_text(text.replace("multiply(payload.t, `2`)", "payload.t").replace("t: 42", "t: 21"))
        plant.bridge.wait_for("mapping reloaded")
        page.get_by_role("button", name="Select all").click()
        page.get_by_role("button", name=re.compile(r"^Replay \d")).click()
        expect(page.get_by_text(re.compile(r"^\d+ replayed$"))).to_be_visible()
        expect(page.get_by_text(re.compile("^No dead letters. Every message"))).to_be_visible()
    finally:
        mapping.write_text(text)


def test_broken_mapping_is_a_problem_that_links_to_its_file(open_page, plant):
    page = open_page()
    mapping = plant.folder / "mappings" / "press.yaml"
    text = mapping.read_text()
    try:
        mapping.write_text(text.replace("outputs:", "outputs: ["))
        expect(page.get_by_role("status").first).to_have_text(re.compile("^WARNING: mapping press: reload failed"))
        wrong = page.get_by_role("region", name="Active problems")
        wrong.get_by_role("link", name="Open the mapping").first.click()
        expect(page.get_by_role("heading", name="the last good version is active")).to_be_visible()
    finally:
        mapping.write_text(text)
    expect(page.get_by_role("status").first).to_have_text("OK: receiving, spooling and delivering")


def test_excerpt_of_an_error_has_its_caret_below_the_fault(open_page, plant):
    page = open_page()
    mapping = plant.folder / "mappings" / "press.yaml"
    text = mapping.read_text()
    try:
        mapping.write_text(text.replace("multiply(", "multipli("))
        excerpt = page.get_by_role("region", name="Active problems").locator("pre.excerpt").first
        expect(excerpt).to_be_visible()
        code, caret = excerpt.evaluate("element => element.textContent.split('\\n')")
        assert caret.index("^") == code.index("multipli")
        assert excerpt.evaluate("element => getComputedStyle(element).whiteSpace") == "pre"
        assert "mono" in excerpt.evaluate("element => getComputedStyle(element).fontFamily").lower()
    finally:
        mapping.write_text(text)
    expect(page.get_by_role("status").first).to_have_text("OK: receiving, spooling and delivering")


def test_numbers_beside_each_other_agree(open_page):
    """The page shows the age of an old latency, and both counts of dead letters."""
    shown = open_page().evaluate("""async () => {
        const { known } = await import("/static/event_stream.js");
        const { drawMappings, drawStreams } = await import("/static/ledger.js");
        const at = document.createElement("div");
        const text = (draw, state) => { draw(at, state); return at.textContent; };
        known.history = { step_secs: 10, series: { any: [1, 3] } };
        const counts = { received: 9, delivered: 0, filtered: 0, dead_lettered: 101, dropped: 0, spooled: 0 };
        const none = { mappings: [], failing_mappings: [], problems: [], flows: [] };
        const ledger = [{ mapping: "press", stream: "a", ...counts }];
        const state = { ...none, now_ms: 1e12, ledger, dead_letter_count: 73 };
        const stream = { stream: "a", state: "ok", code: "", delivered: 1, last_latency_ms: 41, throttled: 0 };
        const streams = (secs) => text(drawStreams, { ...state, streams: [{ ...stream, answered_at: 1e9 - secs }] });
        return [text(drawMappings, state), streams(5), streams(300)];
    }""")
    mappings, recent, old = shown
    assert "73 stored" in mappings
    assert "41 ms" in recent
    assert "ago" not in recent
    assert "41 ms5 min ago" in old


def test_link_of_a_demo_logs_in_and_leaves_no_token_in_the_address(tab, plant):
    page = tab()
    page.goto(f"{plant.url}#token={TOKEN}")
    expect(page.get_by_label("Token")).to_have_value("")
    page.goto("about:blank")
    page.goto(f"{plant.url}#token={VIEW_TOKEN}")
    expect(page.get_by_role("heading", name="Broker")).to_be_visible()
    expect(page).to_have_url(plant.url)


def test_wrong_token_is_not_let_in_and_the_right_one_to_the_wanted_view(tab, plant):
    page = tab()
    page.goto(f"{plant.url}#/system/doctor")
    page.get_by_label("Token").fill("something-else-entirely")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("Invalid token.")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Doctor checks")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Token")).to_be_visible()
