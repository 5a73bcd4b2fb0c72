// Table of all mappings, or one mapping with its file and the playground.
import { breakable, fill, h, renew } from "./dom.js";
import { counted, duration, rate, whole } from "./format.js";
import { get, known, perSecond } from "./event_stream.js";
import { drawTable, frame, number, panel, tag } from "./components.js";
import { Playground } from "./playground.js";
import { covered, sparkline } from "./sparkline.js";

const received = (name) => (state) => state.ledger.filter((row) => row.mapping === name).reduce((max, row) => Math.max(max, row.received), 0);

export class Mappings {
  constructor() {
    this.filter = h("input", { type: "search", placeholder: "part of a name, topic or stream", "aria-label": "Filter mappings by name, topic or stream", spellcheck: "false", oninput: () => this.draw(known.state) });
    this.table = frame();
    this.count = h("span", { class: "quiet" });
    this.unmatched = h("div");
    this.index = h("div", {}, h("h1", {}, "Mappings"),
      h("section", { class: "panel", "aria-label": "All mappings" }, h("div", { class: "head tools" }, this.filter, this.count), this.table),
      this.unmatched);
    this.element = h("div", {}, this.index);
  }

  go([name]) {
    const moved = name !== this.name;
    this.name = name;
    if (!name) { this.leave(); fill(this.element, this.index); } else this.open(name);
    return moved;
  }

  leave() {
    if (this.play) this.play.leave();
    this.play = null;
  }

  draw(state) {
    if (this.name || !state) return;
    const wanted = this.filter.value.toLowerCase();
    const lost = state.failing_mappings.filter((name) => !state.mappings.some((each) => each.name === name)).map((name) => ({ name, topic: "", streams: [], tests: 0, messages: 0, last_ms: 0, silent_ms: 0, lost: true }));
    const all = [...state.mappings, ...lost].sort((a, b) => a.name.localeCompare(b.name));
    const shown = all.filter((each) => [each.name, each.topic, ...each.streams].some((text) => text.toLowerCase().includes(wanted)));
    this.count.textContent = wanted ? `${whole(shown.length)} of ${counted(all.length, "mapping")}` : counted(all.length, "mapping");
    const title = covered();
    drawTable(this.table, ["Mapping", "State", "#Messages/s", title ? title[0].toUpperCase() + title.slice(1) : "Last hour", "#Messages", "#Tests", "Streams"],
      shown.map((each) => row(each, state)), all.length ? "No mapping matches the filter." : "No active mapping: put a file into the folder, and it becomes active within two seconds.");
    this.drawUnmatched(state);
  }

  // Received topics that no mapping matches. A shared or a wider subscription may cause them.
  async drawUnmatched(state) {
    if (state.unmatched === this.unmatchedCount) return;
    this.unmatchedCount = state.unmatched;
    const { unmatched_topics: topics } = await get("/api/coverage");
    const rows = topics.slice(0, 50).map((each) => h("tr", {}, h("td", { class: "head wrap" }, breakable(each.topic)), number(each.messages)));
    const place = frame();
    drawTable(place, ["Topic", "#Messages"], rows, "");
    fill(this.unmatched, topics.length ? panel("Topics that no mapping matches", h("span", { class: "quiet" }, `${whole(state.unmatched)} messages, counted and discarded`), place) : null);
  }

  async open(name) {
    try {
      const mapping = await get(`/api/mappings/${encodeURIComponent(name)}`);
      if (this.name !== name) return;
      this.leave();
      this.play = new Playground(mapping);
      fill(this.element, this.play.element);
    } catch (error) {
      fill(this.element, h("p", {}, h("a", { href: "#/mappings" }, "All mappings")), h("p", { class: "empty" }, error.message));
    }
  }
}

function row(each, state) {
  const stateTag = state.failing_mappings.includes(each.name) ? tag(each.lost ? "not loaded" : "file has errors", each.lost ? "bad" : "warn")
    : each.silent_ms ? tag("silent", "warn") : tag("active", "good");
  const age = Math.max(0, state.now_ms - each.last_ms) / 1000;
  const last = !each.last_ms ? "no message yet" : age < 2 ? "last message now" : `last message ${duration(age)} ago`;
  const now = perSecond((at) => at.mappings.find((other) => other.name === each.name)?.messages ?? each.messages, "");
  return h("tr", {},
    h("td", { class: "head wrap" }, h("a", { href: `#/mappings/${encodeURIComponent(each.name)}` }, breakable(each.name)), h("div", { class: "quiet mono" }, breakable(each.topic))),
    h("td", { class: "state" }, stateTag, h("div", { class: "quiet" }, last)),
    number(rate(now)), h("td", { class: "chart" }, sparkline(`mapping ${each.name}`, `Received by ${each.name}`)),
    number(each.messages), number(each.tests), h("td", { class: "wrap" }, each.streams.flatMap((stream, at) => [at ? ", " : "", ...breakable(stream)])));
}
