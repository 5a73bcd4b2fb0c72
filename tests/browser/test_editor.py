"""Editor of a mapping: errors while the user types, completion, and the effect on messages."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MAPPING, MARKUP
from tests.browser.editor import file_of
from tests.browser.test_looks import TOO_WIDE, violations
from tests.harness.publisher import Publisher


def test_error_is_underlined_with_its_advice_and_stops_a_save(edit, plant):
    edited = edit("misspelt")
    edited.replace("multiply", "multipy")
    expect(edited.underlined.first).to_have_text(re.compile("multipy"))
    found = edited.page.locator(".problem-found")
    expect(found).to_contain_text("did you mean 'multiply'")
    expect(edited.output).to_contain_text("Not available while the mapping has errors.")
    edited.underlined.first.hover()
    expect(edited.page.locator(".cm-tooltip .cm-diagnostic")).to_contain_text("did you mean 'multiply'")
    edited.press("Save")
    expect(edited.status).to_contain_text("Not saved: 1 error. Fix line 3 first")
    expect(edited.text).to_be_focused()
    assert file_of(plant, "misspelt").read_text() == MAPPING
    edited.replace("multipy", "multiply")
    expect(edited.status).to_be_empty()


def test_preview_counts_the_messages_whose_result_changes(edit):
    edited = edit("previewed")
    expect(edited.traffic).to_contain_text("edit the mapping to compare its results")
    edited.traffic.get_by_role("searchbox").fill("press03")
    expect(edited.traffic.get_by_role("button").first).to_contain_text("press03")
    edited.replace("payload.status != 'OFF'", "captures.site != 'pdx'")
    expect(edited.traffic.get_by_text(re.compile(r"^(\d+) of \1 messages? changes?$"))).to_be_visible()
    edited.traffic.locator("summary").first.click()
    compared = edited.traffic.locator("details[open]")
    expect(compared.get_by_role("heading")).to_have_text(["Current file", "Edited text"])
    expect(compared).to_contain_text("filtered")
    edited.replace("captures.site != 'pdx'", "payload.status != 'ABSENT'")
    edited.page.get_by_label("Topic", exact=True).focus()
    expect(edited.traffic.get_by_text(re.compile(r"^0 of \d+ messages? change$"))).to_be_visible()
    edited.press("Undo all")
    expect(edited.traffic).to_contain_text("edit the mapping to compare its results")


def test_messages_of_before_are_there_when_the_editor_opens(open_page, plant):
    page = open_page("system/topics")
    expect(page.get_by_text("factory/pdx/press03/telemetry")).to_be_visible()
    with Publisher(plant.broker.port, client_id="rare") as publisher:
        publisher.publish([("factory/pdx/rare/telemetry", b'{"t": 3}')])
    row = page.get_by_role("region", name="Topics with the most messages").get_by_role("row").filter(has_text="rare")
    expect(row.get_by_role("link", name="press")).to_be_visible()
    page.goto(f"{plant.url}#/mappings/press")
    traffic = page.get_by_role("region", name="Preview on traffic")
    traffic.get_by_role("searchbox").fill("rare")
    expect(traffic.get_by_role("button").filter(has_text="factory/pdx/rare/telemetry")).to_be_visible()


def test_live_message_is_chosen_and_its_output_shown(edit):
    edited = edit("chosen")
    edited.traffic.get_by_role("searchbox").fill("press02")
    edited.traffic.get_by_role("button").filter(has_text="press02").first.click()
    expect(edited.page.get_by_label("Topic", exact=True)).to_have_value("factory/pdx/press02/telemetry")
    expect(edited.output.get_by_text("key press02")).to_be_visible()
    edited.page.get_by_label("Payload").fill('{"t": 50}')
    expect(edited.output).to_contain_text('"t": 100')


def test_keys_functions_captures_and_received_fields_are_completed(edit):
    edited = edit("completed")
    expect(edited.traffic.get_by_role("button").first).to_be_visible()
    options = edited.page.get_by_role("listbox").get_by_role("option")
    for part, typed, offered in (
        ("payload.t, `2`", "payload.", "status"),
        ("payload.", "captures.", "machine"),
        ("captures.", "mult", "multiply"),
    ):
        edited.replace(part, "")
        edited.page.keyboard.type(typed)
        expect(options.filter(has_text=offered).first).to_be_visible()
        edited.page.keyboard.press("Escape")
    edited.replace("topic:", "")
    edited.page.keyboard.type("qo")
    expect(options.filter(has_text="qos").first).to_be_visible()


def test_path_of_a_key_is_found_by_the_indentation(open_page):
    lines = [
        "topic: a",
        "outputs:",
        "- data_stream: x",
        "  part",
        "tests:",
        "  - name: n",
        "    expect:",
        "      - data",
        "changes:",
        "  key",
    ]
    paths = open_page().evaluate(
        """async (lines) => {
            const { pathOf } = await import("/static/editor_completion.js");
            const doc = { line: (number) => ({ text: lines[number - 1] }) };
            return lines.map((text, at) => pathOf(doc, at + 1, /^(?:\\s*- )*\\s*/.exec(text)[0].length));
        }""",
        lines,
    )
    assert paths == ["", "", "outputs[]", "outputs[]", "", "tests[]", "tests[]", "tests[].expect[]", "", "changes"]


def test_dead_letter_is_opened_in_the_editor(open_page, plant):
    page = open_page("dead-letters")
    expect(page.get_by_text("press07").first).to_be_visible()
    [number] = page.evaluate(
        """async () => {
            const { get } = await import("/static/event_stream.js");
            return (await get("/api/dead-letters")).dead_letters.slice(0, 1).map((each) => each.number);
        }"""
    )
    page.goto(f"{plant.url}#/mappings/press/dead-letter/{number}")
    expect(page.get_by_label("Topic", exact=True)).to_have_value("factory/pdx/press07/telemetry")
    expect(page.get_by_role("region", name="Output")).to_contain_text("dead letter: transform")


def test_function_is_explained_under_the_pointer(edit):
    edited = edit("explained")
    edited.text.get_by_text("multiply").hover()
    expect(edited.page.locator(".cm-explanation")).to_contain_text("The product of two or more numbers.")


def test_hostile_topic_and_payload_are_text(edit):
    edited = edit("hostile")
    page = edited.page
    edited.traffic.get_by_role("button").filter(has_text="img src").first.click()
    expect(page.get_by_label("Topic", exact=True)).to_have_value(f"factory/{MARKUP}/press01/telemetry")
    page.get_by_label("Payload").fill(f'{{"t": 1, "{MARKUP}": "{MARKUP}"}}')
    edited.replace("machine: captures.machine", "machine: payload")
    expect(edited.output).to_contain_text(MARKUP)
    edited.replace("a press", f"a press {MARKUP}")
    expect(edited.tests).to_contain_text(MARKUP)
    assert page.evaluate("window.harmed") is None
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(390, False), (768, True), (1280, False), (1280, True)])
def test_editor_is_accessible_in_each_state(edit, width, dark):
    """Check the editor with axe, and its width, while it shows errors, completion, the search and dialogs."""
    edited = edit(f"looks-{width}-{dark}", width=width, dark=dark, bypass_csp=True)
    page = edited.page

    def is_usable():
        assert violations(page) == []
        assert page.evaluate(TOO_WIDE) == []

    edited.replace("a press", "a changed press")
    expect(edited.traffic.get_by_text(re.compile("same result")).first).to_be_visible()
    is_usable()
    edited.replace("captures.machine", "captures.")
    page.keyboard.press("Control+Space")
    expect(page.get_by_role("listbox")).to_be_visible()
    expect(edited.page.locator(".problem-found")).to_be_visible()
    is_usable()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+f")
    expect(page.get_by_placeholder("Find")).to_be_focused()
    is_usable()
    edited.press("Undo all")
    edited.replace("t: 42", "t: 43")
    expect(edited.tests).to_contain_text("failed")
    edited.press("Save")
    expect(page.get_by_role("dialog")).to_be_visible()
    is_usable()
