// Event log of the bridge: connections, reloads, and the start and end of problems. It includes events of earlier runs.
import { drawTable, errorText, foldable, tag, when } from "./components.js";
import { fill, h } from "./dom.js";
import { get } from "./event_stream.js";
import { duration, moment } from "./format.js";

const EVERY_MS = 10_000;
const SHOWN = 100;
const KINDS = {
  started: "Started", stopped: "Stopped", connected: "Connected", disconnected: "Disconnected", reload: "Mappings reloaded",
  problem: "Problem", conflict: "Client ID conflict", throttled: "Throttled", recovered: "Recovered",
};
const LEVEL = { error: "bad", warning: "warn" };

export class EventLog {
  constructor() {
    const options = [h("option", { value: "" }, "All events"), ...Object.entries(KINDS).map(([kind, name]) => h("option", { value: kind }, name))];
    this.kind = h("select", { "aria-label": "Kind of event", onchange: () => this.fetch() }, options);
    this.table = h("div", { class: "frame events", tabindex: "0", role: "region", "aria-label": "Events, newest first" });
    this.note = h("p", { class: "notice bad", hidden: true, role: "status" });
    this.element = foldable("Event log", h("div", { class: "row" }, this.kind), this.note, this.table);
    this.timer = setInterval(() => { if (!document.hidden) this.fetch(); }, EVERY_MS);
    this.woken = () => { if (!document.hidden) this.fetch(); };
    document.addEventListener("visibilitychange", this.woken);
    this.fetch();
  }

  leave() {
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.woken);
  }

  async fetch() {
    const kind = this.kind.value;
    try {
      const { events } = await get(`/api/event-log?limit=${SHOWN}&kind=${kind}`);
      this.note.hidden = true;
      if (kind === this.kind.value) drawTable(this.table, ["Time (UTC)", "Event", "What", "Duration"], events.map(row), kind ? "No event of this kind yet." : "No event yet.");
    } catch (error) {
      fill(this.note, `The event log cannot be read: ${error.message}`);
      this.note.hidden = false;
    }
  }
}

function row(event) {
  const kind = event.kind === "recovered" ? "good" : LEVEL[event.level] || "";
  const detail = event.detail ? h("div", { class: "quiet" }, ...errorText(event.detail)) : null;
  const since = event.ongoing && event.since ? event.since : event.at;
  const lasted = event.lasted_secs !== undefined ? duration(event.lasted_secs) : event.ongoing ? `ongoing since ${moment(new Date(since * 1e3).toISOString()).slice(11)}` : "";
  return h("tr", {}, when(new Date(event.at * 1e3).toISOString()), h("td", {}, tag(KINDS[event.kind], kind)),
    h("td", { class: "wide wrap" }, event.worker ? `${event.worker}: ${event.text}` : event.text, detail), h("td", {}, lasted));
}
