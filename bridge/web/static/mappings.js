// View with a table of all mappings, or with the editor of one mapping.
import { breakable, confirmed, fill, h } from "./dom.js";
import { counted, duration, integer, rate } from "./format.js";
import { get, known, perSecond } from "./event_stream.js";
import { drawTable, frame, number, panel, tag } from "./components.js";
import { drawDeleted } from "./deleted_mappings.js";
import { draftOf } from "./editor_drafts.js";
import { covered, sparkline } from "./sparkline.js";

export class Mappings {
  constructor() {
    this.filter = h("input", { type: "search", placeholder: "part of a name, topic or stream", "aria-label": "Filter mappings by name, topic or stream", spellcheck: "false", oninput: () => this.draw(known.state) });
    this.table = frame();
    this.count = h("span", { class: "quiet" });
    this.create = h("a", { class: "button plain", href: "#/new-mapping", hidden: true }, "New mapping");
    this.whyNot = h("p", { class: "quiet why-not" });
    this.unmatched = h("div");
    this.deleted = h("div");
    this.files = { editable: false, why_not: "", files: [], deleted: [] };
    this.index = h("div", {}, h("h1", {}, "Mappings"),
      h("section", { class: "panel", "aria-label": "All mappings" }, h("div", { class: "head tools" }, this.filter, this.count, this.create), this.whyNot, this.table),
      this.unmatched, this.deleted);
    this.element = h("div", {}, this.index);
  }

  // Show the mapping `name`, or the table. `rest` is ["new"] for a mapping that has no file yet, or ["dead-letter",
  // number, worker] to open the editor with the message of a dead letter.
  go([name, ...rest]) {
    const moved = name !== this.name;
    this.name = name;
    if (name) this.open(name, rest);
    else { this.leave(); fill(this.element, this.index); this.list(); }
    return moved;
  }

  async open(name, [kind, ...rest]) {
    const notice = this.notice;
    this.notice = "";
    try {
      // The editor's library is large, and only this view needs it, so it is imported here.
      const [{ Editor }, mapping, completions, message] = await Promise.all([import("./editor.js"), kind === "new" ? blank(name) : get(`/api/mappings/${encodeURIComponent(name)}`),
        get("/api/completions"), kind === "dead-letter" ? deadLetter(rest) : null, this.list()]);
      // The user may have opened another mapping while the requests were running.
      if (this.name !== name) return;
      this.leave();
      this.editor = new Editor(mapping, { completions, message, notice, names: () => this.files.files.map((each) => each.name), reopen: (text, other = name) => this.reopen(other, text) });
      fill(this.element, this.editor.element);
    } catch (error) {
      fill(this.element, h("p", {}, h("a", { href: "#/mappings" }, "All mappings")), h("p", { class: "empty" }, error.message));
    }
  }

  // Open the editor of a mapping again, with the file as it is now, and with a notice.
  reopen(name, notice) {
    this.notice = notice;
    const target = `#/mappings/${encodeURIComponent(name)}`;
    if (location.hash === target) this.open(name, []); else location.hash = target;
  }

  leave() {
    if (this.editor) this.editor.leave();
    this.editor = null;
  }

  // Return whether another view or mapping may be shown. If there are unsaved changes, the user decides.
  async mayLeave() {
    return !this.editor || !this.editor.isModified || confirmed(`${this.name} has unsaved changes. They stay in this tab as a draft until you close it.`, "Leave");
  }

  // Request the list of mapping files. It also has the files that are disabled or do not load.
  async list() {
    try { this.files = await get("/api/mapping-files"); } catch { return; } // the header shows a lost connection
    this.unmatchedCount = null;
    this.create.hidden = !this.files.editable;
    this.whyNot.textContent = this.files.editable ? "" : `Not edited from this page: ${this.files.why_not}`;
    drawDeleted(this.deleted, this.files, (name) => this.reopen(name, "Restored"));
    this.draw(known.state);
  }

  draw(state) {
    if (this.name || !state) return;
    this.listAgain(state);
    const wanted = this.filter.value.toLowerCase();
    const all = [...state.mappings, ...this.inactive(state)].sort((a, b) => a.name.localeCompare(b.name));
    const shown = all.filter((each) => [each.name, each.topic, ...each.streams].some((text) => text.toLowerCase().includes(wanted)));
    this.count.textContent = wanted ? `${integer(shown.length)} of ${counted(all.length, "mapping")}` : counted(all.length, "mapping");
    const title = covered();
    drawTable(this.table, ["Mapping", "State", "#Messages/s", title ? title[0].toUpperCase() + title.slice(1) : "Last hour", "#Messages", "#Tests", "Streams"],
      shown.map((each) => row(each, state)), all.length ? "No mapping matches the filter." : "No active mapping: put a file into the folder, and it becomes active within two seconds.");
    this.drawUnmatched(state);
  }

  // Request the list of files again when the bridge has loaded or removed a mapping.
  listAgain(state) {
    const names = JSON.stringify([state.mappings.map((each) => each.name), state.failing_mappings]);
    if (this.listed !== undefined && names !== this.listed) this.list();
    this.listed = names;
  }

  inactive(state) {
    const active = new Set(state.mappings.map((each) => each.name));
    const enabled = new Map(this.files.files.map((each) => [each.name, each.enabled]));
    const names = new Set([...state.failing_mappings, ...this.files.files.filter((each) => !each.enabled).map((each) => each.name)]);
    return [...names].filter((name) => !active.has(name)).map((name) => ({ name, topic: "", streams: [], tests: 0, messages: 0, last_ms: 0, silent_ms: 0, lost: true, disabled: enabled.get(name) === false }));
  }

  // Show the topics of received messages that no mapping matches. The bridge receives them if its subscriptions are
  // wider than the topics of the mappings.
  async drawUnmatched(state) {
    if (state.unmatched === this.unmatchedCount) return;
    this.unmatchedCount = state.unmatched;
    const { unmatched_topics: topics } = await get("/api/coverage");
    const rows = topics.slice(0, 50).map((each) => h("tr", {}, h("td", { class: "head wrap" }, breakable(each.topic)), number(each.messages),
      this.files.editable ? h("td", { class: "number" }, h("a", { href: `#/new-mapping/${encodeURIComponent(each.topic)}` }, "Propose a mapping")) : null));
    const place = frame();
    drawTable(place, ["Topic", "#Messages", ...(this.files.editable ? ["#New mapping"] : [])], rows, "");
    fill(this.unmatched, topics.length ? panel("Topics that no mapping matches", h("span", { class: "quiet" }, `${counted(state.unmatched, "message")}, counted and discarded`), place) : null);
  }
}

const blank = (name) => ({ name, file: `${name}.yaml`, text: (draftOf(name) || { text: "" }).text, version: null, enabled: true, editable: true, why_not: "", problems: [], active: false, topic: "", example: { topic: "", payload: "" } });

async function deadLetter([number, worker]) {
  const query = worker ? `?${new URLSearchParams({ worker })}` : "";
  return get(`/api/dead-letters/${encodeURIComponent(number)}${query}`);
}

function row(each, state) {
  const stateTag = each.disabled ? tag("disabled") : state.failing_mappings.includes(each.name) ? tag(each.lost ? "not loaded" : "file has errors", each.lost ? "bad" : "warn")
    : each.silent_ms ? tag("silent", "warn") : tag("active", "good");
  const age = Math.max(0, state.now_ms - each.last_ms) / 1000;
  const last = !each.last_ms ? "no message yet" : age < 2 ? "last message now" : `last message ${duration(age)} ago`;
  const now = perSecond((at) => at.mappings.find((other) => other.name === each.name)?.messages ?? each.messages, "");
  return h("tr", { "data-key": each.name },
    h("td", { class: "head wrap" }, h("a", { href: `#/mappings/${encodeURIComponent(each.name)}` }, breakable(each.name)), h("div", { class: "quiet mono" }, breakable(each.topic))),
    h("td", { class: "state" }, stateTag, h("div", { class: "quiet" }, last)),
    number(rate(now)), h("td", { class: "chart" }, sparkline(`mapping ${each.name}`, `Received by ${each.name}`)),
    number(each.messages), number(each.tests), h("td", { class: "wrap" }, each.streams.flatMap((stream, at) => [at ? ", " : "", ...breakable(stream)])));
}
