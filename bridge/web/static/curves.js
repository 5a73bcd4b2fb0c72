// Curves of up to a day: charts with a common cursor and a common zoom, a table of the values, and a download.
import { drawTable, number } from "./components.js";
import { fill, h } from "./dom.js";
import { get } from "./event_stream.js";
import { bytes, duration, integer, percent, rate, seconds } from "./format.js";
import { Plot } from "./plot.js";

const RANGES = { "15m": "15 min", "1h": "1 hour", "24h": "24 hours" };
const perSec = (value) => `${bytes(value)}/s`;
// Minimum number of points on the time axis. With fewer points, soon after the first start, each step would be very
// wide.
const SHORTEST = 24;
const BINARY = { binary: true };
const curve = (key, name, format, more = {}) => ({ key, name, format, ...more });
const CHARTS = [
  { title: "Records", units: "per second", size: "main", curves: [curve("received", "received", rate), curve("delivered", "delivered", rate), curve("filtered", "filtered", rate), curve("dead_lettered", "dead-lettered", rate)] },
  { title: "Backlog", first: true, units: "records, and age of the oldest (right)", curves: [curve("backlog", "records", integer), curve("oldest", "age", seconds, { right: true })] },
  { title: "Latency", first: true, units: "from received to accepted", curves: [curve("latency_p50", "p50", seconds), curve("latency_p95", "p95", seconds), curve("latency_p99", "p99", seconds)] },
  { title: "Link to AWS", units: "bytes per second", curves: [curve("sent_bytes", "sent", perSec, BINARY), curve("max_bytes_per_sec", "limit", perSec), curve("bandwidth", "measured link", perSec)] },
  { title: "Throttled and retried", units: "records per second", curves: [curve("throttled", "throttled", rate), curve("retried", "retried", rate)] },
  { title: "Process", units: "CPU of one core, and memory (right)", curves: [curve("cpu", "CPU", percent), curve("memory", "memory", bytes, { right: true, ...BINARY })] },
  { title: "Disk", units: "spool, and free space (right)", curves: [curve("spool", "spool", bytes, BINARY), curve("disk_free", "free", bytes, { right: true, ...BINARY })] },
];

export class Curves {
  constructor() {
    const on = { zoom: (min, max) => this.zoom({ min, max }), reset: () => this.zoom(null), moved: (at) => this.moved(at) };
    this.range = "15m";
    this.plots = CHARTS.map((each) => new Plot(each, on));
    this.at = h("span", { class: "quiet" });
    this.buttons = Object.entries(RANGES).map(([range, name]) => h("button", { class: "plain", type: "button", "aria-pressed": String(range === this.range), onclick: () => this.select(range) }, name));
    this.whole = h("button", { class: "plain", type: "button", hidden: true, onclick: () => this.zoom(null) }, "Reset zoom");
    this.download = h("a", { href: this.csv(), download: "" }, "CSV");
    this.charts = h("div", { class: "charts" }, this.plots.map((each) => each.element));
    this.more = h("button", { class: "link more", type: "button", "aria-expanded": "false", onclick: () => this.showAll() }, "More curves");
    this.empty = h("p", { class: "empty", hidden: true });
    this.table = h("div", { class: "frame" });
    this.details = h("details", { class: "numbers", ontoggle: () => this.drawTable() }, h("summary", {}, "Values as a table"), this.table);
    this.element = h("section", { class: "panel curves", "aria-label": "Curves" },
      h("div", { class: "head" }, h("h2", {}, "Curves"), this.at,
        h("div", { class: "row" }, this.whole, h("div", { class: "row ranges", role: "group", "aria-label": "Range" }, this.buttons), this.download)),
      this.empty, this.charts, h("div", { class: "after" }, this.details, this.more));
    // The colours on a canvas do not change with the theme of the browser, so the charts must be drawn again.
    this.themes = matchMedia("(prefers-color-scheme: dark)");
    this.themed = () => { for (const plot of this.plots) plot.restart(); this.draw(); };
    this.themes.addEventListener("change", this.themed);
    this.woken = () => { if (!document.hidden) this.fetch(); };
    document.addEventListener("visibilitychange", this.woken);
    this.fetch();
  }

  leave() {
    this.left = true;
    clearTimeout(this.timer);
    this.themes.removeEventListener("change", this.themed);
    document.removeEventListener("visibilitychange", this.woken);
    for (const plot of this.plots) plot.leave();
  }

  // A narrow screen shows only the first charts. Show all charts, or only the first charts again.
  showAll() {
    const all = this.charts.classList.toggle("all");
    this.more.textContent = all ? "Fewer curves" : "More curves";
    this.more.setAttribute("aria-expanded", String(all));
  }

  csv() { return `/api/curves.csv?range=${this.range}`; }

  select(range) {
    this.range = range;
    this.buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(Object.keys(RANGES)[at] === range)));
    this.download.href = this.csv();
    this.zoom(null);
    this.fetch();
  }

  // Request the curves, and request them again for each new point. A hidden page sends no requests. When the page is
  // visible again, `woken` continues.
  async fetch() {
    clearTimeout(this.timer);
    const range = this.range;
    let value = null;
    try { value = await get(`/api/curves?range=${range}`); } catch { /* the header reports it */ }
    // The user may have left the view or selected another range while the response was on its way.
    if (this.left || range !== this.range) return;
    if (value) { this.value = value; this.draw(); }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { if (!document.hidden) this.fetch(); }, 1000 * Math.min(60, value ? value.step_secs : 5));
  }

  draw() {
    const value = this.value;
    this.empty.hidden = !value || value.start > 0;
    if (!value) return;
    const step = value.step_secs;
    if (!value.start) fill(this.empty, `No point yet: the first one appears within ${duration(2 * step)}.`);
    this.times = value.series.received.map((_point, at) => value.start + at * step);
    const known = value.series.backlog.findIndex((point) => point !== null);
    const from = Math.max(0, Math.min(known, this.times.length - SHORTEST));
    if (value.start) for (const plot of this.plots) plot.draw(this.times, value.series, from);
    this.drawTable();
  }

  moved(at) {
    const moment = at === null || !this.times ? null : new Date(this.times[at] * 1e3).toISOString();
    fill(this.at, moment ? `at ${moment.slice(11, 19)} UTC` : "newest values; times in UTC");
  }

  zoom(range) {
    this.whole.hidden = range === null;
    for (const plot of this.plots) plot.limit(range);
  }

  drawTable() {
    if (!this.details.open || !this.value) return;
    const rows = CHARTS.flatMap((chart) => chart.curves.map((each) => {
      const points = this.value.series[each.key].filter((point) => point !== null);
      const cells = points.length ? [Math.min(...points), points.reduce((sum, point) => sum + point, 0) / points.length, Math.max(...points), points.at(-1)].map(each.format) : ["–", "–", "–", "–"];
      return h("tr", {}, h("td", { class: "head" }, `${chart.title}: ${each.name}`), ...cells.map((cell) => number(cell)));
    }));
    drawTable(this.table, [`Last ${RANGES[this.value.range]}`, "#Lowest", "#Mean", "#Highest", "#Newest"], rows, "");
  }
}
