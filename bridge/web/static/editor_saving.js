// Buttons, questions and conflicts of the changes of a mapping's file: save, rename, disable, enable and delete.
import { confirmed, fill, h } from "./dom.js";
import { counted } from "./format.js";
import { confirmedFailingTests, askText, choice } from "./dialog.js";
import { differences } from "./differences.js";
import { download, nameFault } from "./mapping_file.js";

export class Saving {
  // `editor` is the Editor, which has the text, its problems and its tests. `names()` returns the names of all
  // mappings.
  constructor(file, editor, { enabled, names }) {
    Object.assign(this, { file, editor, enabled, names });
    this.note = h("input", { id: "note", placeholder: "Note for the history (optional)", "aria-label": "Note for the history", maxlength: 200 });
    this.saveButton = h("button", { onclick: () => this.save() }, file.isNew ? "Create" : "Save");
    this.undoButton = h("button", { class: "plain", onclick: () => editor.reload(file.text) }, "Undo all");
    this.status = h("p", { class: "notice", role: "status" });
    this.conflict = h("div");
    this.others = [
      h("button", { class: "plain", onclick: () => this.rename() }, "Rename"),
      h("button", { class: "plain", onclick: () => this.change(enabled ? "disable" : "enable") }, enabled ? "Disable" : "Enable"),
      h("button", { class: "plain", onclick: () => this.remove() }, "Delete"),
    ];
    const get = h("button", { class: "plain", onclick: () => download(file.file, editor.text) }, "Download");
    const tools = file.editable ? [h("div", { class: "row saving" }, this.saveButton, this.note), h("div", { class: "row" }, this.undoButton, get, this.others)]
      : [h("p", { class: "quiet" }, "Not saved from this page: ", file.whyNot), h("div", { class: "row" }, this.undoButton, get)];
    this.element = h("div", { class: "file-tools" }, ...tools, this.status, this.conflict);
  }

  get isModified() { return this.editor.text !== this.file.text; }

  draw() {
    this.saveButton.disabled = !this.isModified && !this.file.isNew;
    if (!this.isModified) fill(this.conflict);
    this.undoButton.hidden = !this.isModified || this.file.isNew;
    for (const each of this.others) { each.hidden = this.file.isNew; each.disabled = this.isModified; each.title = this.isModified ? "Save or undo your changes first" : ""; }
  }

  say(text, kind = "") {
    this.status.className = `notice ${kind}`;
    this.status.textContent = text;
  }

  // Remove the report of the last action, because it is about the text before the edit.
  edited() { this.say(""); }

  async save() {
    if (!this.file.editable || this.saveButton.disabled) return;
    this.say("Checking …");
    await this.editor.run();
    if (this.editor.left) return;
    if (this.editor.problems.length) { this.refuse(); return; }
    const failed = this.editor.tests.filter((each) => !each.passed);
    if (failed.length && !await confirmedFailingTests(failed)) { this.say("Not saved."); return; }
    await this.store(failed.length > 0);
  }

  refuse() {
    const [first] = this.editor.problems;
    this.say(`Not saved: ${counted(this.editor.problems.length, "error")}. Fix line ${first.line || 1} first: ${first.message.split("\n")[0]}`, "bad");
    this.editor.goTo(first);
  }

  async store(forceTests) {
    const text = this.editor.text;
    const isNew = this.file.isNew;
    try {
      await this.file.save(text, this.note.value.trim(), forceTests);
    } catch (error) {
      await this.failed(error);
      return;
    }
    this.note.value = "";
    fill(this.conflict);
    this.editor.stored(isNew);
    if (!isNew) await this.reportLoaded("Saved");
  }

  // Wait until the bridge has read the saved file, and report whether the bridge now uses it. The bridge reads the
  // folder every two seconds.
  async reportLoaded(done) {
    this.say(`${done}. The bridge reads it within two seconds …`, "good");
    const version = this.file.version;
    const mapping = await this.file.loaded();
    // If the user has saved again or left the editor, the response is out of date.
    if (this.file.version !== version || this.editor.left) return;
    this.editor.drawFile(mapping);
    if (!mapping.enabled) this.say(`${done}. The mapping is disabled: the bridge ignores the file.`, "good");
    else if (mapping.live) this.say(`${done}. The mapping is active.`, "good");
    else this.say(`${done}. This text is not active: ${mapping.problems.length ? "see the errors above" : "the bridge has not loaded it yet"}.`, "bad");
  }

  async failed(error) {
    if (error.status === 409 && error.value.code === "conflict") await this.conflicts(error.value);
    else if (error.status === 422 && error.value.problems.length) { this.editor.showProblems(error.value.problems); this.refuse(); }
    else this.say(`Not saved: ${error.message.replace(/^not saved: /, "")}`, "bad");
  }

  async conflicts(theirs) {
    this.say("Not saved: the file on disk has changed since you opened it.", "bad");
    await this.resolve(theirs);
  }

  // The file on disk has changed since the edit began. Show the differences, and let the user choose one of the texts.
  // Nothing is overwritten before the next save.
  async resolve(theirs) {
    const answer = await choice("The file on disk has changed", [h("p", {}, "It was changed after you opened it. The differences, from the file on disk to your text:"), differences(theirs.differences)],
      [["mine", "Keep my text as a draft", "plain"], ["theirs", "Use the version on disk", ""]]);
    if (!answer) return;
    this.file.adopt(theirs);
    this.editor.disk.look();
    if (answer === "theirs") { this.editor.reload(theirs.text); this.say("Loaded the file from disk."); return; }
    this.say("");
    fill(this.conflict, h("div", { class: "notice bad" }, h("strong", {}, "Your draft is not based on the file on disk."), " Saving it replaces that file. The differences, from the file on disk to your text: ", differences(theirs.differences)));
    this.editor.changed();
  }

  async rename() {
    const to = await askText(`Rename ${this.file.name}`, "New name", this.file.name, "Rename", (name) => nameFault(name, this.names()));
    if (to !== null) await this.change("rename", { to });
  }

  async remove() {
    if (await confirmed(`Delete the mapping ${this.file.name}? The bridge stops reading its topics. The history keeps the text, so you can restore the mapping.`, "Delete")) await this.change("delete");
  }

  async change(action, details = {}) {
    let done;
    try {
      done = await this.file.change(action, { note: this.note.value.trim(), ...details });
    } catch (error) {
      if (error.status === 409 && error.value.text !== undefined) await this.conflicts(error.value);
      else this.say(`Not done: ${error.message}`, "bad");
      return;
    }
    if (action === "rename") this.editor.reopen(`Renamed; ${done.notes.join("; ")}`, details.to);
    else if (action === "delete") location.hash = "#/mappings";
    else this.editor.reopen(action === "disable" ? "Disabled" : "Enabled");
  }
}
