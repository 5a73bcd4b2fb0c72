// The last live messages of a mapping. The page stores them while the editor is open. The user can choose a message to
// try. The editor shows the result for each message before and after the edit. It also uses the names of the fields in
// the payloads as completions.
import { breakable, fill, h } from "./dom.js";
import { clock, counted, excerpt } from "./format.js";
import { listen, post } from "./event_stream.js";
import { mappingResult } from "./outcome.js";
import { panel, tag } from "./components.js";

const MAX_MESSAGES = 20;
const MAX_FIELDS = 500;
const PAUSE_MS = 400;
const REFRESH_MS = 2_000;

export class Traffic {
  // `query()` returns the parameters of /api/messages. `edited()` returns the text to compare with the file, or the
  // reason why there is none. `choose(message)` is called when the user chooses a message.
  constructor({ name, query, edited, choose }) {
    Object.assign(this, { name, query, edited, choose });
    this.messages = [];
    this.paths = new Map();
    this.filter = h("input", { type: "search", placeholder: "part of a topic", "aria-label": "Filter live messages by topic", spellcheck: "false", oninput: () => this.soon() });
    this.count = h("span", { class: "quiet", "aria-live": "polite" });
    this.list = h("ul", { class: "traffic", "aria-label": "Live messages" });
    this.element = panel("Preview on traffic", this.count, h("div", { class: "body tools" }, this.filter), this.list);
    for (const [event, holding] of [["pointerenter", true], ["pointerleave", false]]) this.list.addEventListener(event, () => { this.holding = holding; });
    this.listen();
  }

  leave() {
    clearTimeout(this.waiting);
    clearTimeout(this.refreshing);
    this.refreshing = null;
    if (this.end) this.end();
    this.left = true;
  }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.listen(), PAUSE_MS);
  }

  listen() {
    if (this.end) this.end();
    this.messages = [];
    this.results = null;
    this.draw();
    const query = new URLSearchParams(this.query());
    if (this.filter.value) query.set("topic", this.filter.value);
    this.end = listen(`/api/messages?${query}`, "messages", (messages) => this.came(messages));
  }

  came(messages) {
    for (const each of messages) this.learn(each.payload);
    if (!messages.length || this.isUsed) return;
    this.messages = [...messages.reverse(), ...this.messages].slice(0, MAX_MESSAGES);
    if (!this.isCurrent) this.draw();
    this.refresh();
  }

  // True while a pointer or the focus is on the list. The list must not move then.
  get isUsed() { return this.holding || this.list.contains(document.activeElement); }

  // True if the results are those of the current text.
  get isCurrent() { return Boolean(this.results) && this.resultsOf === this.edited().text; }

  // Request the results again after an edit, and for new messages. If the shown results are those of the current text,
  // only messages are new, so wait longer.
  refresh() {
    if (!this.refreshing) this.refreshing = setTimeout(() => { this.refreshing = null; this.preview(); }, this.isCurrent ? REFRESH_MS : PAUSE_MS);
  }

  async preview() {
    const { text } = this.edited();
    const messages = this.messages.filter((each) => !each.payload.cut);
    this.results = null;
    this.failure = "";
    if (text !== undefined && messages.length) {
      try {
        const result = await post("/api/preview", { mapping: text, name: this.name, messages: messages.map(sent) });
        if (this.left || text !== this.edited().text) return;
        if (!result.problems.length) [this.resultsOf, this.results] = [text, new Map(messages.map((each, at) => [each, result.messages[at]]))];
      } catch (error) {
        this.failure = error.message;
      }
    }
    if (!this.left) this.draw();
  }

  draw() {
    this.count.textContent = this.isCurrent ? this.counts() : this.edited().why || this.failure || "";
    if (!this.messages.length) fill(this.list, h("li", { class: "quiet" }, "Waiting for a message …"));
    else if (!this.isUsed || this.list.childElementCount < 2) fill(this.list, this.messages.map((each) => this.row(each)));
  }

  counts() {
    const changed = [...this.results.values()].filter((each) => each.changed).length;
    const cut = this.messages.length - this.results.size;
    return `${changed} of ${counted(this.results.size, "message")} ${changed === 1 ? "changes" : "change"}${cut ? `; ${cut} too large to preview` : ""}`;
  }

  row(each) {
    const result = this.isCurrent && this.results.get(each);
    const use = h("button", { class: "choice", onclick: () => this.choose(each) },
      h("span", {}, breakable(each.topic)), h("small", {}, `${clock(each.at)} · ${excerpt(each.payload, 80)}`));
    return h("li", {}, use, result ? result.changed ? comparison(result) : tag("same result") : null);
  }

  // Store the names of the fields in a JSON payload, by the path of their object: "" for the payload itself, and "a.b"
  // for the object in member `b` of member `a`.
  learn(payload) {
    if (payload.text === undefined || payload.cut || this.paths.size >= MAX_FIELDS) return;
    try { this.note("", JSON.parse(payload.text)); } catch { /* not JSON: it has no fields */ }
  }

  note(path, value) {
    if (Array.isArray(value)) { for (const each of value.slice(0, 5)) this.note(path, each); return; }
    if (value === null || typeof value !== "object" || this.paths.size >= MAX_FIELDS) return;
    const names = this.paths.get(path) || new Set();
    this.paths.set(path, names);
    for (const [name, inner] of Object.entries(value).slice(0, MAX_FIELDS)) {
      names.add(name);
      this.note(path ? `${path}.${name}` : name, inner);
    }
  }

  // Return the fields at a path. Names that an expression can use only in quotes are omitted.
  fields = (path) => [...(this.paths.get(path) || [])].filter((name) => /^[A-Za-z_]\w*$/.test(name));
}

const sent = ({ topic, payload, qos, retain, at }) => ({
  topic, qos, retain, at, ...(payload.text === undefined ? { payload_base64: payload.base64 } : { payload: payload.text }),
});

const side = (title, one) => h("div", {}, h("h3", {}, title), one.matched ? mappingResult({ more: 0, ...one }, excerpt) : h("p", { class: "quiet" }, "the topic does not match"));

function comparison(result) {
  return h("details", {}, h("summary", {}, tag("changes", "warn")),
    h("pre", { class: "compared", tabindex: "0", role: "group", "aria-label": "Differences" }, result.differences.join("\n")),
    h("div", { class: "sides" }, side("Current file", result.before), side("Edited text", result.after)));
}
