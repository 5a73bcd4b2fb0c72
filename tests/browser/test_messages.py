"""Live messages: filters, details, and a message as a test of its mapping."""

import re

import pytest
import yaml
from playwright.sync_api import expect

from bridge.mapping.loading.mapping_loader import compile_text
from bridge.mapping.loading.resources import load_resources
from bridge.mapping.selftest.runner import run_cases
from tests.browser.conftest import MAPPING

FIND = {"Topic": "press03", "Mapping": "press", "Outcome": "records", "Payload": '"status": "RUN"'}


def articles(page):
    return page.get_by_role("feed").get_by_role("article")


def test_sample_is_named_as_one_with_its_rates(open_page):
    page = open_page("messages")
    expect(page.get_by_text(re.compile(r"^sample: about [1-9]\d* of [1-9]\d* messages/s$"))).to_be_visible()


@pytest.mark.parametrize("label", FIND)
def test_messages_are_filtered(open_page, label):
    page = open_page("messages")
    field, value = page.get_by_label(label, exact=True), FIND[label]
    if label == "Outcome":
        field.select_option(value)
    else:
        field.fill(value)
    expect(articles(page).first).to_be_visible()
    if label == "Outcome":
        field.select_option("filtered")
    else:
        field.fill("nothing of it")
    expect(page.get_by_text("Waiting for a message that matches the filters …")).to_be_visible()
    expect(articles(page)).to_have_count(0)


def test_message_expands_and_collapses_by_the_keyboard(open_page):
    page = open_page("messages")
    first = articles(page).first
    summary = first.locator("summary")
    summary.focus()
    expect(page.get_by_text("paused while you interact")).to_be_visible()
    expect(first.get_by_text("press: 1 record")).to_be_visible()
    summary.press("Enter")
    expect(first.locator("pre.payload")).to_have_text(re.compile(r'^\{\n  "t": \d+,\n  "status": "RUN"\n\}$'))
    summary.press("Enter")
    expect(first.locator("pre.payload")).to_be_hidden()


def test_paused_messages_stand_still_until_resumed(open_page):
    page = open_page("messages")
    expect(articles(page).nth(5)).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    before = articles(page).first.inner_text()
    page.wait_for_timeout(1_500)
    assert articles(page).first.inner_text() == before
    page.get_by_role("button", name="Resume").click()
    expect(articles(page).first).not_to_have_text(before)


def test_message_is_copied_as_a_test_that_passes(open_page, plant):
    page = open_page("messages", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Topic").fill("press03")
    first = articles(page).first
    expect(first).to_be_visible()
    page.get_by_role("button", name="Pause").click()  # without the pause, newer messages would move the first message
    first.locator("summary").click()
    first.get_by_role("button", name="Copy as mapping test").click()
    expect(page.get_by_text("Copied: paste it under tests: of press.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    mapping = compile_text(
        f"{MAPPING}{copied}",
        "press",
        load_resources(plant.folder / "mappings", shown_as="mappings").resources,
        shown_as="press.yaml",
    )
    assert [each.passed for each in run_cases(mapping)] == [True, True]


MESSAGE = {"topic": "a/b", "qos": 1, "retain": False, "at": "2026-11-30T04:00:00.000Z"}
RECORD = {"stream": "s", "key": None, "bytes": 3}
NASTY = "\"'\\\n\t#: - {\x7f\x85\u2028\ufeff😀é"


@pytest.mark.parametrize(
    ("payload", "made", "expected"),
    [
        ({"text": NASTY}, {"records": [], "rejections": []}, {"payload_text": NASTY, "expect": "filtered"}),
        (
            {"base64": "/w=="},
            {"records": [], "rejections": [{"code": "decode"}]},
            {"payload_base64": "/w==", "expect": {"dead_letter": "decode"}},
        ),
        (
            {"text": "1e5"},
            {
                "records": [RECORD | {"data": {"text": NASTY}}, RECORD | {"key": "no", "data": {"base64": "AA=="}}],
                "rejections": [],
            },
            {
                "payload_text": "1e5",
                "expect": [
                    {"data_stream": "s", "partition_key": "spread", "data_text": NASTY},
                    {"data_stream": "s", "partition_key": "no", "data_base64": "AA=="},
                ],
            },
        ),
    ],
    ids=["text", "binary", "records"],
)
def test_message_as_a_mapping_test_is_valid_yaml(open_page, payload, made, expected):
    text = open_page().evaluate(
        """async ([message, made]) => (await import("/static/mapping_test.js")).mappingTest(message, made).text""",
        [MESSAGE | {"payload": payload}, made],
    )
    (test,) = yaml.safe_load(f"tests:\n{text}")["tests"]
    assert test.pop("received_at") == MESSAGE["at"]
    assert test == {"name": "a/b at 2026-11-30T04:00:00.000Z", "topic": "a/b", "qos": 1, **expected}


def test_message_that_is_cut_is_no_test(open_page):
    cut = open_page().evaluate(
        """async (message) => {
            const { mappingTest } = await import("/static/mapping_test.js");
            return mappingTest(message, {records: [], rejections: []});
        }""",
        MESSAGE | {"payload": {"text": "x", "cut": True}},
    )
    assert "mqtt-kinesis capture" in cut["problem"]
