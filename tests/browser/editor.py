"""Editor of a mapping, as a user sees it."""

import orjson

SELECT = """(content, part) => {
    content.focus();
    const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    const line = [...content.querySelectorAll(".cm-line")].find((each) => each.textContent.includes(part));
    const at = (offset) => {
        for (const node of nodes.filter((each) => line.contains(each))) {
            if (offset <= node.length) return [node, offset];
            offset -= node.length;
        }
    };
    const start = line.textContent.indexOf(part);
    getSelection().setBaseAndExtent(...at(start), ...at(start + part.length));
}"""
"""JavaScript that selects a part of a visible line."""


class Edited:
    """A mapping that is open in the editor."""

    def __init__(self, page, name):
        self.page = page
        self.text = page.get_by_role("textbox", name=f"Text of {name}.yaml")
        self.output = page.get_by_role("region", name="Output")
        self.tests = page.get_by_role("region", name="Tests of the mapping")
        self.traffic = page.get_by_role("region", name="Preview on traffic")
        self.history = page.get_by_role("region", name="History")
        self.underlined = page.locator(".cm-lintRange-error")
        self.status = page.locator(".file-tools [role=status]")

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def replace(self, old, new):
        """Select a part of the text, and type new text over it."""
        self.text.evaluate(SELECT, old)
        self.page.keyboard.insert_text(new)

    def save(self, note=""):
        self.page.get_by_label("Note for the history").fill(note)
        self.press("Save")


def file_of(plant, name):
    return plant.folder / "mappings" / f"{name}.yaml"


def records_of(plant):
    return [orjson.loads(each.data) for shard in plant.kinesis.streams["telemetry"].shards for each in shard.stored]
