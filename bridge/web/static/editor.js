// Editor of one mapping. While the user types, it shows the errors and the tests of the text, the output for a message,
// and the effect on live traffic. The bridge computes these results with the code that it also uses for loaded
// mappings. Nothing is written to disk before the user saves.
import { chosenMessage } from "./chosen_message.js";
import { fill, h } from "./dom.js";
import { post } from "./event_stream.js";
import { errorText, panel, tag } from "./components.js";
import { Completion } from "./editor_completion.js";
import { DiskWatch } from "./editor_disk.js";
import { draftOf, dropDraft, keepDraft } from "./editor_drafts.js";
import { History } from "./editor_history.js";
import { MessageForm } from "./editor_message.js";
import { drawOutput, drawProblems, drawSteps, drawTests } from "./editor_results.js";
import { Saving } from "./editor_saving.js";
import { TextEditor } from "./editor_text.js";
import { Traffic } from "./editor_traffic.js";
import { MappingFile } from "./mapping_file.js";

// Time without a keystroke after which the text is checked.
const PAUSE_MS = 250;

export class Editor {
  // `mapping` is the response of /api/mappings/NAME. For a new mapping, its `version` is null. `reopen(notice)` opens
  // this mapping again. `names()` returns the names of all mappings.
  constructor(mapping, { completions, message, names, notice, reopen }) {
    this.mapping = mapping;
    this.name = mapping.name;
    this.file = new MappingFile(mapping);
    this.reopen = reopen;
    this.problems = [];
    this.tests = [];
    this.panels = { problems: h("div", { class: "body problems-found", hidden: true }), output: h("div", { class: "body", "aria-live": "polite" }), steps: h("div", { class: "body" }), tests: h("div", { class: "body" }) };
    for (const name of ["output", "steps", "tests"]) fill(this.panels[name], h("p", { class: "quiet" }, "Checking …"));
    this.onDisk = h("div");
    this.marks = h("span", { class: "row" });
    this.message = new MessageForm(message || chosenMessage() || exampleOf(mapping), () => this.soon());
    this.traffic = new Traffic({ name: this.name, query: () => this.query(), edited: () => this.edited(), choose: (each) => this.message.choose(each) });
    const completion = new Completion(completions, this.traffic.fields);
    this.editor = new TextEditor({ text: this.begun(), label: `Text of ${mapping.file}`, changed: () => this.changed(), save: () => this.saving.save(), complete: completion.complete, explain: completion.explain });
    this.saving = new Saving(this.file, this, { enabled: mapping.enabled !== false, names });
    this.disk = new DiskWatch(this.file, this, this.saving);
    this.history = new History(this.file, { mayRollBack: () => (this.isModified ? "Save or undo your changes before a rollback." : ""), rolledBack: (text) => reopen(text), failed: (text) => this.saving.say(text, "bad") });
    this.element = h("div", {}, h("p", { class: "crumb" }, h("a", { href: "#/mappings" }, "All mappings")), h("h1", {}, mapping.name), this.onDisk, this.laidOut());
    window.addEventListener("beforeunload", this.warn);
    if (notice) this.saving.reportLoaded(notice); else this.drawFile(mapping);
    if (this.draft && !this.file.isNew) this.saving.say(this.draft.version === mapping.version ? "Your unsaved draft of this tab is restored." : "Your unsaved draft of this tab is restored. The file has changed since.", "warn");
    this.drawMarks();
    this.run();
  }

  get text() { return this.editor.text; }
  get isModified() { return Boolean(this.saving && this.saving.isModified); }

  // Return the text to begin with: the draft in this tab if there is one, otherwise the text of the file. A draft
  // stores the version of the file with which it began. If the file has another version now, saving the draft is a
  // conflict.
  begun() {
    this.draft = draftOf(this.name);
    if (this.draft && this.draft.text === this.file.text) this.draft = null;
    if (!this.draft) return this.file.text;
    this.file.version = this.draft.version;
    return this.draft.text;
  }

  // Return the text whose results are compared with those of the file, or the reason why there is nothing to compare.
  edited() {
    if (this.problems.length) return { why: "not available while the mapping has errors" };
    return this.isModified ? { text: this.text } : { why: "edit the mapping to compare its results" };
  }

  laidOut() {
    const { problems, output, steps, tests } = this.panels;
    const help = h("p", { class: "quiet help" }, "Ctrl+Space completes, Ctrl+F searches, Ctrl+S saves. Tab indents; Escape, then Tab leaves the text.");
    return h("div", { class: "editing" },
      h("div", { class: "side" },
        panel(this.mapping.file, this.marks, h("div", { class: "body" }, this.saving.element, this.disk.element, this.editor.element, help), problems),
        panel("Tests of the mapping", null, tests), panel("Step by step", null, steps)),
      h("div", { class: "side" }, this.message.element, panel("Output", null, output), this.traffic.element),
      this.history.element);
  }

  // Return the filter for live messages. It selects the messages that this mapping receives. A mapping that is not
  // active receives no messages. For such a mapping, the filter selects all topics that contain the beginning of the
  // pattern, up to its first wildcard.
  query() {
    if (this.mapping.active) return { mapping: this.name };
    const topic = /^topic:\s*["']?([^"'\n#]*)/m.exec(this.editor ? this.text : this.mapping.text);
    return { topic: topic ? topic[1].trim().split(/[{+#]/)[0] : "" };
  }

  changed() {
    this.saving.edited();
    if (this.isModified) this.keep();
    else { dropDraft(this.name); this.file.version = this.file.textVersion; }
    this.drawMarks();
    this.traffic.draw();
    this.soon();
  }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.run(), PAUSE_MS);
  }

  // Request the results of the current text, and show them. If several calls overlap, only the last result is shown.
  async run() {
    clearTimeout(this.waiting);
    const turn = this.turn = (this.turn || 0) + 1;
    try {
      const result = await post("/api/try", { mapping: this.text, name: this.name, ...this.message.value });
      if (turn === this.turn && !this.left) this.draw(result);
    } catch (error) {
      if (turn !== this.turn || this.left) return;
      this.showProblems(this.text ? [{ message: error.message, line: 1, column: 1 }] : [{ message: "The text is empty.", line: 1, column: 1 }]);
    }
  }

  draw(result) {
    this.tests = result.tests || [];
    this.showProblems(result.problems);
    drawTests(this.panels.tests, this.tests, result.problems.length > 0);
    drawOutput(this.panels.output, result);
    drawSteps(this.panels.steps, result);
    this.traffic.refresh();
  }

  showProblems(problems) {
    this.checked = true;
    this.problems = problems;
    this.editor.showProblems(problems);
    drawProblems(this.panels.problems, problems, (each) => this.goTo(each));
    this.drawMarks();
  }

  // Show the errors that the bridge has found in the file on disk.
  drawFile(mapping) { fill(this.onDisk, problemsOnDisk(mapping)); }

  goTo({ line, column }) { this.editor.goTo(line, column); }

  drawMarks() {
    const failed = this.tests.filter((each) => !each.passed).length;
    fill(this.marks, this.mapping.enabled === false ? tag("disabled") : null, !this.checked ? tag("checking") : this.problems.length ? tag("errors", "bad") : failed ? tag("tests fail", "warn") : tag("valid", "good"),
      tag(this.file.isNew ? "new (not saved)" : this.isModified ? "modified (not saved)" : "unmodified", this.isModified ? "warn" : ""));
    this.saving.draw();
  }

  // Replace the text by the text of the file, or of an earlier version.
  reload(text) {
    this.editor.text = text;
    this.changed();
  }

  keep() { keepDraft(this.name, this.text, this.file.version); }

  stored(isNew) {
    dropDraft(this.name);
    this.disk.show(null);
    if (isNew) { this.reopen("Created"); return; }
    this.drawMarks();
    this.history.load();
  }

  // Make the browser show a question before it leaves the page with unsaved changes. `Mappings.mayLeave` shows a
  // question before another view of the page.
  warn = (event) => { if (this.isModified) event.preventDefault(); };

  leave() {
    this.left = true;
    window.removeEventListener("beforeunload", this.warn);
    clearTimeout(this.waiting);
    this.disk.leave();
    this.traffic.leave();
    this.editor.leave();
  }
}

function problemsOnDisk(mapping) {
  if (!mapping.problems.length) return null;
  return h("section", { class: "panel problems", "aria-label": "Errors of the file" },
    h("div", { class: "head" }, h("h2", {}, mapping.active ? "The file has errors; the last good version is active" : "The file has errors; the mapping is not loaded")),
    h("ul", {}, mapping.problems.map(({ line, column, path, message, advice }) => h("li", {}, line ? `line ${line}, column ${column}: ` : "", path ? `${path}: ` : "", ...errorText(message), advice ? h("p", {}, advice) : null))));
}

function exampleOf({ example, topic }) {
  const levels = (topic || "").replace(/\{([^}.]*)(\.\.\.)?\}/g, "$1").replace(/[+#]/g, "x");
  return { topic: example.topic || levels, payload: { text: example.payload || "" } };
}
