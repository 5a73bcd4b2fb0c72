// A mapping's file, what is wrong with it, its tests, and the playground: the bridge's own code, writing nothing.
import { fill, h } from "./dom.js";
import { content } from "./format.js";
import { get, known, post } from "./main.js";
import { made } from "./messages.js";
import { panel } from "./overview.js";

const PAUSE_MS = 250;
let taken = null;

// A message taken from another view, to be tried here.
export function take(mapping, topic, payload) {
  taken = { topic, payload };
  location.hash = `#/mappings/${encodeURIComponent(mapping)}`;
}

export class Mappings {
  constructor() {
    this.choices = h("ul", { class: "choices" });
    this.place = h("div", {}, h("p", { class: "empty" }, "Choose a mapping."));
    this.element = h("div", {}, h("h1", {}, "Mappings"),
      h("div", { class: "split list" }, panel("In this folder", null, this.choices), this.place));
  }

  go([name]) {
    const state = known.state;
    const chosen = name || this.name || (state && state.mappings.length ? state.mappings[0].name : "");
    if (chosen && (chosen !== this.name || taken)) { this.name = chosen; this.open(chosen); }
  }

  draw(state) {
    const names = [...new Set([...state.mappings.map((each) => each.name), ...state.failing_mappings])].sort();
    const key = JSON.stringify([names, state.failing_mappings, this.name]);
    if (!this.name) this.go([]);
    if (key === this.drawn) return;
    this.drawn = key;
    const topics = Object.fromEntries(state.mappings.map((each) => [each.name, each.topic]));
    fill(this.choices, ...names.map((name) => h("li", {}, h("a", { href: `#/mappings/${encodeURIComponent(name)}`, "aria-current": name === this.name ? "true" : null },
      name, " ", state.failing_mappings.includes(name) ? h("span", { class: "tag warn" }, "problems") : null, h("small", {}, topics[name] || "not in force")))));
  }

  async open(name) {
    try {
      const mapping = await get(`/api/mappings/${encodeURIComponent(name)}`);
      if (this.name === name) fill(this.place, ...this.shown(mapping));
    } catch (error) { fill(this.place, h("p", { class: "empty" }, error.message)); }
  }

  shown(mapping) {
    const play = new Playground(mapping, taken);
    taken = null;
    const problems = mapping.problems.length
      ? h("section", { class: "panel problems" }, h("div", { class: "head" }, h("h2", {}, mapping.in_force ? "The file has problems; its last good version is in force" : "The file has problems; it is not in force")),
        h("ul", {}, mapping.problems.map((problem) => h("li", {}, h("pre", {}, problem)))))
      : null;
    return [problems, play.element];
  }
}

class Playground {
  constructor(mapping, message) {
    this.name = mapping.name;
    this.file = mapping.text;
    this.text = h("textarea", { class: "code", rows: 22, wrap: "off", spellcheck: "false", autocapitalize: "off", id: "text", value: mapping.text });
    this.topic = h("input", { class: "mono", id: "topic", value: message ? message.topic : mapping.example.topic || example(mapping), spellcheck: "false" });
    const payload = message ? content(message.payload) : mapping.example.payload || "";
    this.payload = h("textarea", { class: "code", rows: 6, id: "payload", spellcheck: "false", value: payload });
    this.base64 = message && message.payload.base64 !== undefined ? message.payload.base64 : null;
    this.result = h("div", { class: "body", "aria-live": "polite" });
    this.tests = h("div", { class: "body" });
    this.differs = h("span", { class: "quiet" }, "as it stands in the folder");
    this.element = h("div", {},
      h("div", { class: "split" },
        panel(mapping.file, this.differs, h("div", { class: "body" }, h("label", { for: "text" }, "Edit it to see what would come of it; the file is not touched"), this.text)),
        h("div", {},
          panel("Playground: a message", null, h("div", { class: "body" },
            h("div", { class: "field" }, h("label", { for: "topic" }, "Topic"), this.topic),
            h("div", { class: "field" }, h("label", { for: "payload" }, "Payload"), this.payload))),
          panel("What becomes of it", null, this.result),
          panel("Its own tests", null, this.tests))));
    this.payload.addEventListener("input", () => { this.base64 = null; });
    for (const field of [this.text, this.topic, this.payload]) field.addEventListener("input", () => this.soon());
    this.text.addEventListener("keydown", indent);
    this.run();
  }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.run(), PAUSE_MS);
  }

  async run() {
    const turn = this.turn = (this.turn || 0) + 1;
    this.differs.textContent = this.text.value === this.file ? "as it stands in the folder" : "edited here only";
    const asked = { mapping: this.text.value, name: this.name, topic: this.topic.value };
    if (this.base64 === null) asked.payload = this.payload.value; else asked.payload_base64 = this.base64;
    try {
      const told = await post("/api/try", asked);
      if (turn === this.turn) this.draw(told);
    } catch (error) {
      if (turn === this.turn) fill(this.result, h("p", { class: "tag bad" }, error.message));
    }
  }

  draw(told) {
    if (told.problems.length) {
      fill(this.result, ...told.problems.map((each) => h("div", { class: "field" },
        h("span", { class: "tag bad" }, each.line ? `line ${each.line}, column ${each.column}` : "the file"), " ", h("span", { class: "mono" }, each.path), h("pre", {}, each.message))));
      fill(this.tests, h("p", { class: "quiet" }, "They run when the mapping has no problems."));
      return;
    }
    const steps = h("dl", { class: "steps" }, ...told.steps.flatMap(([label, text]) => [h("dt", {}, label), h("dd", { class: "mono" }, text)]));
    fill(this.result, told.made ? made(told.made) : h("p", { class: "tag warn" }, "the topic does not match"), h("h3", {}, "Step by step"), steps);
    fill(this.tests, ...(told.tests.length ? told.tests.map((each) => h("div", { class: "field" },
      h("span", { class: `tag ${each.passed ? "good" : "bad"}` }, each.passed ? "passed" : "failed"), ` ${each.name}`, each.passed ? null : h("pre", {}, each.difference)))
      : [h("p", { class: "quiet" }, "It has none: `tests` in the file are run by `check`, and before each reload.")]));
  }
}

const example = (mapping) => (mapping.topic || "").replace(/\{([^}.]*)(\.\.\.)?\}/g, "$1").replace(/[+#]/g, "x");

// Tab indents in the editor; after Escape it moves on, for those who use the keyboard.
function indent(event) {
  if (event.key === "Escape") event.target.dataset.leave = "yes";
  else if (event.key === "Tab" && !event.shiftKey && event.target.dataset.leave !== "yes") {
    event.preventDefault();
    event.target.setRangeText("  ", event.target.selectionStart, event.target.selectionEnd, "end");
    event.target.dispatchEvent(new Event("input"));
  } else if (event.key !== "Tab") delete event.target.dataset.leave;
}
