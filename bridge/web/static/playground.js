// One mapping: its file, its problems, its tests, and what becomes of a message while it is edited. The bridge's own
// code does it, and nothing is written.
import { fill, h, members } from "./dom.js";
import { clock, content, excerpt, pretty } from "./format.js";
import { listen, post } from "./event_stream.js";
import { made } from "./outcome.js";
import { panel, tag } from "./components.js";

const PAUSE_MS = 250;
const KEPT = 12;
let taken = null;

// A message taken from another view, to be tried here.
export function take(mapping, { topic, payload }) {
  taken = { topic, payload };
  location.hash = `#/mappings/${encodeURIComponent(mapping)}`;
}

export class Playground {
  constructor(mapping) {
    this.name = mapping.name;
    this.file = mapping.text;
    const begun = taken || { topic: mapping.example.topic || example(mapping), payload: { text: mapping.example.payload || "" } };
    taken = null;
    this.text = h("textarea", { class: "code file", wrap: "off", spellcheck: "false", autocapitalize: "off", id: "text", value: mapping.text });
    this.topic = h("input", { class: "mono", id: "topic", spellcheck: "false", autocapitalize: "off" });
    this.payload = h("textarea", { class: "code", rows: 5, id: "payload", spellcheck: "false", autocapitalize: "off" });
    this.result = h("div", { class: "body", "aria-live": "polite" });
    this.steps = h("div", { class: "body" });
    this.tests = h("div", { class: "body" });
    this.differs = h("span", { class: "quiet" });
    this.undo = h("button", { class: "link", hidden: true, onclick: () => { this.text.value = this.file; this.run(); } }, "Undo all");
    this.live = new LiveMessages(mapping.name, (message) => { this.put(message); this.run(); });
    this.element = h("div", {}, h("p", { class: "crumb" }, h("a", { href: "#/mappings" }, "All mappings")), h("h1", {}, mapping.name),
      problems(mapping), this.laidOut(mapping));
    this.put(begun);
    this.payload.addEventListener("input", () => { this.base64 = null; });
    for (const field of [this.text, this.topic, this.payload]) field.addEventListener("input", () => this.soon());
    this.text.addEventListener("keydown", indent);
    this.run();
  }

  laidOut(mapping) {
    return h("div", { class: "play" },
      h("div", { class: "side" },
        panel(mapping.file, h("span", { class: "row" }, this.differs, this.undo), h("div", { class: "body" },
          h("label", { for: "text" }, "Edit it to see what would come of it; the file is not touched"), this.text)),
        panel("Its own tests", null, this.tests)),
      h("div", { class: "side" },
        panel("Playground: a message", null, h("div", { class: "body" },
          h("div", { class: "field" }, h("label", { for: "topic" }, "Topic"), this.topic),
          h("div", { class: "field" }, h("label", { for: "payload" }, "Payload"), this.payload), this.live.element)),
        panel("What becomes of it", null, this.result)),
      panel("Step by step", null, this.steps));
  }

  leave() { clearTimeout(this.waiting); this.live.leave(); }

  // What is not text stays as it came until somebody edits it.
  put({ topic, payload }) {
    this.topic.value = topic;
    this.payload.value = content(payload);
    this.base64 = payload.base64 === undefined ? null : payload.base64;
  }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.run(), PAUSE_MS);
  }

  async run() {
    const turn = this.turn = (this.turn || 0) + 1;
    const edited = this.text.value !== this.file;
    this.differs.textContent = edited ? "edited here only" : "as it stands in the folder";
    this.undo.hidden = !edited;
    const asked = { mapping: this.text.value, name: this.name, topic: this.topic.value };
    if (this.base64 === null) asked.payload = this.payload.value; else asked.payload_base64 = this.base64;
    try {
      const told = await post("/api/try", asked);
      if (turn === this.turn) this.draw(told);
    } catch (error) {
      if (turn === this.turn) fill(this.result, h("p", { class: "said bad" }, error.message));
    }
  }

  draw(told) {
    this.text.setAttribute("aria-invalid", String(told.problems.length > 0));
    if (told.problems.length) {
      fill(this.result, told.problems.map((each) => h("div", { class: "field" },
        tag(each.line ? `line ${each.line}, column ${each.column}` : "the file", "bad"), " ", h("span", { class: "mono" }, each.path), h("pre", {}, each.message))));
      for (const place of [this.steps, this.tests]) fill(place, h("p", { class: "quiet" }, "Not while the mapping has problems."));
      return;
    }
    fill(this.result, told.made ? made(told.made, pretty) : h("p", {}, tag("the topic does not match", "warn")));
    fill(this.steps, h("dl", { class: "steps" }, told.steps.flatMap(([label, text]) => [h("dt", {}, label), h("dd", { class: "mono" }, members(text))])));
    fill(this.tests, told.tests.length ? told.tests.map(outcome) : h("p", { class: "quiet" }, "It has none. Write some under `tests`: they are run by `check`, and before each reload."));
  }
}

const outcome = (each) => h("div", { class: "field" }, tag(each.passed ? "passed" : "failed", each.passed ? "good" : "bad"), ` ${each.name}`, each.passed ? null : h("pre", {}, each.difference));

function problems(mapping) {
  if (!mapping.problems.length) return null;
  return h("section", { class: "panel problems", "aria-label": "What is wrong" },
    h("div", { class: "head" }, h("h2", {}, mapping.in_force ? "The file has problems; its last good version is in force" : "The file has problems; it is not in force")),
    h("ul", {}, mapping.problems.map((problem) => h("li", {}, problem))));
}

// Messages of this mapping as they come, to choose one from. Nothing is asked for while it is shut.
class LiveMessages {
  constructor(mapping, chosen) {
    this.chosen = chosen;
    this.mapping = mapping;
    this.filter = h("input", { type: "search", placeholder: "part of a topic", "aria-label": "Show only live messages with this in their topic", spellcheck: "false", oninput: () => this.listen() });
    this.list = h("ul", { class: "choices", "aria-label": "Live messages" });
    this.element = h("details", { class: "live", ontoggle: () => this.listen() }, h("summary", {}, "Take a live message"), this.filter, this.list);
    this.list.addEventListener("pointerenter", () => { this.holding = true; });
    this.list.addEventListener("pointerleave", () => { this.holding = false; });
  }

  leave() { if (this.end) this.end(); this.end = null; }

  listen() {
    this.leave();
    if (!this.element.open) return;
    fill(this.list, h("li", { class: "quiet" }, "Waiting for a message …"));
    this.waits = true;
    const asked = new URLSearchParams({ mapping: this.mapping, topic: this.filter.value });
    this.end = listen(`/api/messages?${asked}`, "messages", (messages) => this.came(messages));
  }

  came(messages) {
    if (!messages.length || this.holding || this.list.contains(document.activeElement)) return;
    if (this.waits) fill(this.list);
    this.waits = false;
    this.list.prepend(...messages.reverse().map((each) => h("li", {}, h("button", { class: "choice", onclick: () => this.chosen(each) },
      h("span", {}, each.topic), h("small", {}, `${clock(each.at)} · ${excerpt(each.payload, 80)}`)))));
    while (this.list.childElementCount > KEPT) this.list.lastElementChild.remove();
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
