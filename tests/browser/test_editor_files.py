"""Changes of mapping files in the browser: save, conflict, history, and the roles that may change files."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import MAPPING, MARKUP, REFUSED, VIEW_TOKEN
from tests.browser.editor import Edited, file_of, records_of
from tests.harness.bridge_process import write_mapping
from tests.harness.publisher import Publisher
from tests.integration.arrivals import eventually


def test_fixed_mapping_is_saved_and_changes_the_records(edit, plant):
    edited = edit("fixed")
    edited.replace("machine: captures", "fixed: captures")
    expect(edited.tests.get_by_text("failed", exact=True)).to_be_visible()
    edited.replace("{machine:", "{fixed:")
    expect(edited.tests.get_by_text("passed", exact=True)).to_be_visible()
    edited.save("another name")
    expect(edited.status).to_have_text("Saved. The mapping is active.")
    assert "fixed: captures.machine" in file_of(plant, "fixed").read_text()
    eventually(lambda: any("fixed" in each for each in records_of(plant)[-50:]), "a record of the saved mapping")
    expect(edited.history).to_contain_text(re.compile("by Anna.*another name"))
    expect(edited.page.get_by_text("unmodified")).to_be_visible()


def test_failing_test_needs_a_confirmation_before_it_is_saved(edit, plant):
    edited = edit("failing")
    edited.replace("t: 42", "t: 43")
    expect(edited.tests).to_contain_text("failed")
    edited.press("Save")
    question = edited.page.get_by_role("dialog", name="1 test of the mapping fails")
    question.get_by_role("button", name="Cancel").click()
    expect(edited.status).to_have_text("Not saved.")
    assert file_of(plant, "failing").read_text() == MAPPING
    edited.press("Save")
    question.get_by_role("button", name="Save anyway").click()
    expect(edited.status).to_contain_text("This text is not active")
    expect(edited.page.get_by_role("heading", name="the last good version is active")).to_be_visible()
    write_mapping(plant.folder, "failing", MAPPING)


def test_conflict_shows_differences_and_overwrites_nothing(edit, plant):
    edited = edit("disputed")
    edited.replace("a press", "my press")
    theirs = MAPPING.replace("a press", "their press")
    write_mapping(plant.folder, "disputed", theirs)
    edited.press("Save")
    question = edited.page.get_by_role("dialog", name="The file on disk has changed")
    expect(question.locator(".removed")).to_contain_text("their press")
    expect(question.locator(".added")).to_contain_text("my press")
    question.get_by_role("button", name="Keep my text as a draft").click()
    assert file_of(plant, "disputed").read_text() == theirs
    expect(edited.page.get_by_text("Your draft is not based on the file on disk.")).to_be_visible()
    expect(edited.text).to_contain_text("my press")
    theirs = theirs.replace("their press", "a third press")
    write_mapping(plant.folder, "disputed", theirs)
    edited.press("Save")
    question.get_by_role("button", name="Use the version on disk").click()
    expect(edited.text).to_contain_text("a third press")
    expect(edited.page.get_by_text("unmodified")).to_be_visible()
    assert file_of(plant, "disputed").read_text() == theirs


def test_change_on_disk_is_shown_with_a_choice_before_anything_is_saved(edit, plant):
    edited = edit("watched")
    theirs = MAPPING.replace("a press", "their press")
    write_mapping(plant.folder, "watched", theirs)
    notice = edited.page.get_by_text("The file has changed on disk.")
    edited.press("Use the version on disk")
    expect(edited.status).to_have_text("Loaded the file from disk.")
    expect(edited.text).to_contain_text("their press")
    expect(notice).to_be_hidden()
    edited.replace("their press", "my press")
    write_mapping(plant.folder, "watched", theirs.replace("their press", "a third press"))
    edited.press("Show differences")
    question = edited.page.get_by_role("dialog", name="The file on disk has changed")
    expect(question.locator(".removed")).to_contain_text("a third press")
    expect(question.locator(".added")).to_contain_text("my press")
    question.get_by_role("button", name="Keep my text as a draft").click()
    expect(notice).to_be_hidden()
    expect(edited.text).to_contain_text("my press")


def test_draft_kept_in_a_conflict_replaces_the_file_by_a_second_save(edit, plant):
    edited = edit("merged")
    edited.replace("a press", "my press")
    write_mapping(plant.folder, "merged", MAPPING.replace("a press", "their press"))
    edited.press("Save")
    edited.page.get_by_role("dialog").get_by_role("button", name="Keep my text as a draft").click()
    edited.press("Save")
    expect(edited.status).to_have_text("Saved. The mapping is active.")
    assert file_of(plant, "merged").read_text() == MAPPING.replace("a press", "my press")
    expect(edited.history).to_contain_text("changed on disk")


def test_earlier_version_is_compared_and_rolled_back(edit, plant):
    edited = edit("rolled")
    edited.replace("a press", "another press")
    edited.save("renamed the test")
    expect(edited.history.get_by_text("renamed the test")).to_be_visible()
    edited.history.get_by_text("Differences from the current file").first.click()
    expect(edited.history.locator(".added")).to_contain_text("another press")
    difference = edited.history.get_by_role("group", name="Differences")
    assert difference.evaluate("element => element.scrollWidth <= element.clientWidth")
    back = edited.history.get_by_role("button", name=re.compile("^Roll back to")).first
    back.click()
    question = edited.page.get_by_role("dialog", name=re.compile("^Roll back to the version from .*"))
    question.get_by_role("button", name="Cancel").click()
    assert "another press" in file_of(plant, "rolled").read_text()
    back.click()
    question.get_by_label("Note for the history").fill("as it was")
    question.get_by_role("button", name="Roll back").click()
    expect(edited.status).to_have_text(re.compile(r"^Rolled back to the version from .* The mapping is active\.$"))
    expect(edited.text).to_contain_text("name: a press")
    expect(edited.history).to_contain_text("as it was")
    assert file_of(plant, "rolled").read_text() == MAPPING


def test_new_mapping_is_proposed_for_a_topic_that_none_matches(open_page, plant):
    """The joined filter of two overlapping topics also receives topics that no mapping matches."""
    write_mapping(
        plant.folder, "wide", MAPPING.replace("{site}/{machine}/telemetry", "site9/{machine...}").split("tests:")[0]
    )
    page = open_page("mappings", without=REFUSED)
    unmatched = page.get_by_role("region", name="Topics that no mapping matches")
    with Publisher(plant.broker.port, client_id="other") as publisher:

        def publish():
            publisher.publish([(f"factory/{MARKUP}/press01/state", b'{"state": "RUN"}')])
            return unmatched.is_visible()

        eventually(publish, "the topic in the list", every_secs=0.5)
        unmatched.get_by_role("link", name="Propose a mapping").click()
    expect(page.get_by_label("Proposed text")).to_contain_text("data_stream: telemetry")
    page.get_by_label("Name of the mapping").fill("press.yaml")
    page.get_by_role("button", name="Open in the editor").click()
    expect(page.get_by_role("alert").filter(has_text="Leave out .yaml")).to_be_visible()
    page.get_by_label("Name of the mapping").fill("proposed")
    page.get_by_role("button", name="Open in the editor").click()
    expect(page.get_by_text("new (not saved)")).to_be_visible()
    assert not file_of(plant, "proposed").exists()
    expect(page.get_by_text("valid", exact=True)).to_be_visible()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("Created. The mapping is active.")).to_be_visible()
    assert file_of(plant, "proposed").exists()
    assert page.evaluate("window.harmed") is None


def test_mapping_is_renamed_disabled_enabled_deleted_and_restored(edit, plant):
    edited = edit("first-name")
    page = edited.page
    edited.press("Rename")
    page.get_by_label("New name").fill("press")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("alert").filter(has_text="There is a mapping press already.")).to_be_visible()
    page.get_by_label("New name").fill("second-name")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="second-name", level=1)).to_be_visible()
    assert not file_of(plant, "first-name").exists()
    edited.press("Disable")
    expect(page.get_by_text("The mapping is disabled", exact=False)).to_be_visible()
    page.get_by_role("link", name="All mappings").click()
    row = page.get_by_role("row").filter(has_text="second-name")
    expect(row.get_by_text("disabled")).to_be_visible()
    # Use the keyboard: a new row above would move the link away from the pointer, but the link keeps the focus.
    row.get_by_role("link").focus()
    page.keyboard.press("Enter")
    edited.press("Enable")
    expect(page.get_by_text("Enabled. The mapping is active.")).to_be_visible()
    edited.press("Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Restore second-name").click()
    expect(page.get_by_text("Restored. The mapping is active.")).to_be_visible()
    assert file_of(plant, "second-name").read_text() == MAPPING


def test_unsaved_text_is_not_left_by_accident_and_survives_a_reload(edit, plant):
    edited = edit("unsaved")
    page = edited.page
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    edited.replace("a press", "a draft")
    expect(page.get_by_text("modified (not saved)")).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("unsaved has unsaved changes")
    question.get_by_role("button", name="Cancel").click()
    expect(edited.text).to_contain_text("a draft")
    expect(page).to_have_url(re.compile("#/mappings/unsaved$"))
    page.reload()
    assert asked == ["beforeunload"]
    expect(edited.status).to_have_text("Your unsaved draft of this tab is restored.")
    expect(edited.text).to_contain_text("a draft")
    assert page.evaluate("localStorage.length") == 0
    edited.press("Undo all")
    expect(page.get_by_text("unmodified")).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="Broker")).to_be_visible()
    assert file_of(plant, "unsaved").read_text() == MAPPING


def test_draft_of_an_older_file_is_a_conflict_when_it_is_saved(edit, plant):
    edited = edit("older")
    page = edited.page
    page.on("dialog", lambda dialog: dialog.accept())
    edited.replace("a press", "a draft")
    expect(page.get_by_text("modified (not saved)")).to_be_visible()
    theirs = MAPPING.replace("a press", "their press")
    write_mapping(plant.folder, "older", theirs)
    page.reload()
    expect(edited.status).to_contain_text("The file has changed since.")
    expect(page.get_by_text("valid", exact=True)).to_be_visible()
    edited.press("Save")
    expect(page.get_by_role("dialog", name="The file on disk has changed")).to_contain_text("their press")
    page.get_by_role("dialog").get_by_role("button", name="Use the version on disk").click()
    expect(page.get_by_text("unmodified")).to_be_visible()
    assert file_of(plant, "older").read_text() == theirs


def test_file_that_is_a_link_is_not_editable_and_says_why(edit, plant):
    """Test with links, because Kubernetes mounts the files of a ConfigMap as links."""
    (plant.folder / "mappings" / "..data").mkdir()
    (plant.folder / "mappings" / "..data" / "linked.yaml").write_text(MAPPING)
    file_of(plant, "linked").symlink_to("..data/linked.yaml")
    edited = edit("linked", text=None)
    expect(edited.page.get_by_text(re.compile("^Not saved from this page: .*link"))).to_be_visible()
    expect(edited.page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    expect(edited.page.get_by_role("button", name="Download", exact=True)).to_be_visible()


def test_view_role_tries_a_text_and_downloads_it_but_saves_nothing(tab, plant):
    page = tab()
    page.goto(plant.url)
    page.get_by_label("Token").fill(VIEW_TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{plant.url}#/mappings")
    expect(page.get_by_text(re.compile("^Not edited from this page: read-only"))).to_be_visible()
    expect(page.get_by_role("link", name="New mapping")).to_be_hidden()
    page.goto(f"{plant.url}#/mappings/press")
    edited = Edited(page, "press")
    expect(page.get_by_text(re.compile("^Not saved from this page: read-only"))).to_be_visible()
    for name in ("Save", "Rename", "Disable", "Delete"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    edited.replace("`2`", "`7`")
    expect(edited.tests.get_by_text("failed", exact=True)).to_be_visible()
    with page.expect_download() as download:
        edited.press("Download")
    assert download.value.suggested_filename == "press.yaml"
    assert "`7`" in download.value.path().read_text()
    edited.press("Undo all")
    assert file_of(plant, "press").read_text() == MAPPING


def test_mapping_is_edited_and_saved_by_the_keyboard_alone(edit, plant):
    edited = edit("typed")
    page = edited.page
    edited.text.focus()
    page.keyboard.press("Control+Home")
    page.keyboard.type("# typed")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(edited.text).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+f")
    expect(page.get_by_placeholder("Find")).to_be_focused()
    page.keyboard.press("Escape")
    expect(edited.text).to_be_focused()
    page.keyboard.press("Control+s")
    expect(edited.status).to_have_text("Saved. The mapping is active.")
    assert file_of(plant, "typed").read_text() == "# typed\n" + MAPPING
    for _ in range(4):  # the editor undoes edits together if they follow each other quickly
        page.keyboard.press("Control+z")
    expect(page.get_by_text("modified (not saved)")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(edited.text).not_to_be_focused()
