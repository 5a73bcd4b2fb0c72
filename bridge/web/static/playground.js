// One mapping: its file, its errors, its tests, and the output for a message while the file is edited. The bridge's own
// code computes it, and writes nothing.
import { chosenMessage } from "./chosen_message.js";
import { fill, h, members } from "./dom.js";
import { clock, content, excerpt, pretty } from "./format.js";
import { listen, post } from "./event_stream.js";
import { made } from "./outcome.js";
import { errorText, panel, tag } from "./components.js";

const PAUSE_MS = 250;
const MAX_SHOWN = 12;

export class Playground {
  constructor(mapping) {
    this.name = mapping.name;
    this.file = mapping.text;
    const begun = chosenMessage() || { topic: mapping.example.topic || example(mapping), payload: { text: mapping.example.payload || "" } };
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
          h("label", { for: "text" }, "Edit to preview the result. The file on disk is not changed."), this.text)),
        panel("Tests of the mapping", null, this.tests)),
      h("div", { class: "side" },
        panel("Playground: a message", null, h("div", { class: "body" },
          h("div", { class: "field" }, h("label", { for: "topic" }, "Topic"), this.topic),
          h("div", { class: "field" }, h("label", { for: "payload" }, "Payload"), this.payload), this.live.element)),
        panel("Output", null, this.result)),
      panel("Step by step", null, this.steps));
  }

  leave() { clearTimeout(this.waiting); this.live.leave(); }

  // A binary payload stays unchanged until the user edits it.
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
    this.differs.textContent = edited ? "modified (not saved)" : "unmodified";
    this.undo.hidden = !edited;
    const query = { mapping: this.text.value, name: this.name, topic: this.topic.value };
    if (this.base64 === null) query.payload = this.payload.value; else query.payload_base64 = this.base64;
    try {
      const result = await post("/api/try", query);
      if (turn === this.turn) this.draw(result);
    } catch (error) {
      if (turn === this.turn) fill(this.result, h("p", { class: "notice bad" }, error.message));
    }
  }

  draw(result) {
    this.text.setAttribute("aria-invalid", String(result.problems.length > 0));
    if (result.problems.length) {
      fill(this.result, result.problems.map((each) => h("div", { class: "field" },
        tag(each.line ? `line ${each.line}, column ${each.column}` : "the file", "bad"), " ", h("span", { class: "mono" }, each.path), h("pre", {}, each.message))));
      for (const element of [this.steps, this.tests]) fill(element, h("p", { class: "quiet" }, "Not available while the mapping has errors."));
      return;
    }
    fill(this.result, result.made ? made(result.made, pretty) : h("p", {}, tag("the topic does not match", "warn")));
    fill(this.steps, h("dl", { class: "steps" }, result.steps.flatMap(([label, text]) => [h("dt", {}, label), h("dd", { class: "mono" }, members(text))])));
    fill(this.tests, result.tests.length ? result.tests.map(outcome) : h("p", { class: "quiet" }, "No tests. Write some under `tests`: `check` runs them, and so does each reload."));
  }
}

const outcome = (each) => h("div", { class: "field" }, tag(each.passed ? "passed" : "failed", each.passed ? "good" : "bad"), ` ${each.name}`, each.passed ? null : h("pre", {}, each.difference));

function problems(mapping) {
  if (!mapping.problems.length) return null;
  return h("section", { class: "panel problems", "aria-label": "Errors of the file" },
    h("div", { class: "head" }, h("h2", {}, mapping.active ? "The file has errors; the last good version is active" : "The file has errors; the mapping is not loaded")),
    h("ul", {}, mapping.problems.map((problem) => h("li", {}, ...errorText(problem)))));
}

// Live messages of this mapping, to select one. Nothing is requested while the list is closed.
class LiveMessages {
  constructor(mapping, chosen) {
    this.chosen = chosen;
    this.mapping = mapping;
    this.filter = h("input", { type: "search", placeholder: "part of a topic", "aria-label": "Filter live messages by topic", spellcheck: "false", oninput: () => this.listen() });
    this.list = h("ul", { class: "choices", "aria-label": "Live messages" });
    this.element = h("details", { class: "live", ontoggle: () => this.listen() }, h("summary", {}, "Use a live message"), this.filter, this.list);
    this.list.addEventListener("pointerenter", () => { this.holding = true; });
    this.list.addEventListener("pointerleave", () => { this.holding = false; });
  }

  leave() { if (this.end) this.end(); this.end = null; }

  listen() {
    this.leave();
    if (!this.element.open) return;
    fill(this.list, h("li", { class: "quiet" }, "Waiting for a message …"));
    this.isEmpty = true;
    const query = new URLSearchParams({ mapping: this.mapping, topic: this.filter.value });
    this.end = listen(`/api/messages?${query}`, "messages", (messages) => this.came(messages));
  }

  came(messages) {
    if (!messages.length || this.holding || this.list.contains(document.activeElement)) return;
    if (this.isEmpty) fill(this.list);
    this.isEmpty = false;
    this.list.prepend(...messages.reverse().map((each) => h("li", {}, h("button", { class: "choice", onclick: () => this.chosen(each) },
      h("span", {}, each.topic), h("small", {}, `${clock(each.at)} · ${excerpt(each.payload, 80)}`)))));
    while (this.list.childElementCount > MAX_SHOWN) this.list.lastElementChild.remove();
  }
}

const example = (mapping) => (mapping.topic || "").replace(/\{([^}.]*)(\.\.\.)?\}/g, "$1").replace(/[+#]/g, "x");

// Tab indents in the editor; after Escape it moves the focus, for keyboard users.
function indent(event) {
  if (event.key === "Escape") event.target.dataset.leave = "yes";
  else if (event.key === "Tab" && !event.shiftKey && event.target.dataset.leave !== "yes") {
    event.preventDefault();
    event.target.setRangeText("  ", event.target.selectionStart, event.target.selectionEnd, "end");
    event.target.dispatchEvent(new Event("input"));
  } else if (event.key !== "Tab") delete event.target.dataset.leave;
}
