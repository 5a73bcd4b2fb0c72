// History of a mapping: its versions, and who changed the file, when and why. The user can compare a version with the
// current file, and roll back to it.
import { fill, h } from "./dom.js";
import { bytes, moment } from "./format.js";
import { panel, tag } from "./components.js";
import { confirmedFailingTests, askNote } from "./dialog.js";
import { differences } from "./differences.js";

export class History {
  // `mayRollBack()` returns the reason why a rollback is not possible now, or "". `rolledBack(notice)` is called after
  // a rollback, and `failed(text)` after an error.
  constructor(file, { mayRollBack, rolledBack, failed }) {
    Object.assign(this, { file, mayRollBack, rolledBack, failed });
    this.list = h("ul", { class: "history" });
    this.element = panel("History", null, this.list);
    this.load();
  }

  async load() {
    try {
      const entries = await this.file.history();
      fill(this.list, entries.length ? entries.map((each, place) => this.row(each, entries.findIndex((other) => other.version === this.file.version) === place)) : h("li", { class: "quiet" }, "No version yet. Each save adds one."));
    } catch (error) {
      fill(this.list, h("li", { class: "quiet" }, error.message));
    }
  }

  row(each, isPresent) {
    const place = h("div", { class: "earlier" });
    const isSame = each.version === this.file.version;
    const back = this.file.editable && !isSame && each.version ? h("button", { class: "plain", "aria-label": `Roll back to the version from ${at(each)}`, onclick: () => this.rollBack(each) }, "Roll back") : null;
    const show = h("details", { ontoggle: (event) => { if (event.target.open) this.show(each, place); } }, h("summary", {}, "Differences from the current file"), place);
    return h("li", {}, h("div", { class: "row" }, h("strong", {}, `${at(each)} UTC`), tag(each.action), isPresent ? tag("current", "good") : isSame ? tag("same text") : null,
      h("span", { class: "quiet" }, each.by ? `by ${each.by} · ${bytes(each.bytes)}` : bytes(each.bytes)), each.note ? h("span", {}, each.note) : null, back), isSame || !each.version ? null : show);
  }

  async show(each, place) {
    fill(place, h("p", { class: "quiet" }, "Loading …"));
    try {
      fill(place, differences((await this.file.earlier(each.id)).differences));
    } catch (error) {
      fill(place, h("p", { class: "notice bad" }, error.message));
    }
  }

  async rollBack(each) {
    const why = this.mayRollBack();
    if (why) { this.failed(why); return; }
    const note = await askNote(`Roll back to the version from ${at(each)} UTC?`, h("p", {}, "That version replaces the file, and the bridge loads it. The current text stays in the history."), "Roll back");
    if (note !== null) await this.replace(each, note || `back to the version from ${at(each)} UTC`);
  }

  async replace(each, note, forceTests = false) {
    try {
      await this.file.change("rollback", { id: each.id, note, force_tests: forceTests });
      this.rolledBack(`Rolled back to the version from ${at(each)} UTC`);
    } catch (error) {
      const failing = error.value && error.value.code === "tests-failed" ? error.value.tests.filter((test) => !test.passed) : [];
      if (!failing.length) this.failed(`Not rolled back: ${error.message}`);
      else if (await confirmedFailingTests(failing)) await this.replace(each, note, true);
    }
  }
}

const at = (each) => moment(new Date(each.at_ms).toISOString());
