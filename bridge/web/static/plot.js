// One chart of the curves. Its legend shows the values below the cursor, or the newest values.
import { h } from "./dom.js";
import { ticks } from "./format.js";
import uPlot from "./vendor/uplot.js";

const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
// Axes of bytes have ticks at powers of two, because their labels are in KiB, MiB and so on.
const BINARY = Array.from({ length: 50 }, (_, power) => 2 ** power);
// All charts have the same cursor, but not the same selection. So only the events of the cursor are passed on to the
// other charts.
const SYNC = { key: "curves", setSeries: false, filters: { pub: moves, sub: moves } };
const SVG = "http://www.w3.org/2000/svg";

function moves(type) { return type === "mousemove" || type === "mouseleave"; }

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Return the sample of a curve for the legend. Like the curve, it has a pattern of dashes, for users who cannot
// distinguish the colours.
function swatch(at) {
  const svg = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "line");
  for (const [name, value] of Object.entries({ class: "swatch", viewBox: "0 0 26 4", "aria-hidden": "true" })) svg.setAttribute(name, value);
  for (const [name, value] of Object.entries({ class: `curve-${at + 1}`, x1: 0, x2: 26, y1: 2, y2: 2, "stroke-dasharray": DASHES[at].join(" ") || "none" })) line.setAttribute(name, value);
  svg.append(line);
  return svg;
}

export class Plot {
  // `chart` has the title and the curves of the chart. A curve has a key, a name and a format, and `right: true` if it
  // uses the axis at the right. `zoom(from, to)` and `reset()` change all charts. `moved(at)` receives the index of the
  // point below the cursor, or null.
  constructor(chart, { zoom, reset, moved }) {
    this.chart = chart;
    this.on = { zoom, reset, moved };
    this.values = chart.curves.map(() => h("output", {}));
    this.legend = h("ul", { class: "legend" }, chart.curves.map((each, at) => h("li", {}, swatch(at), h("span", {}, each.name), this.values[at])));
    this.surface = h("div", { class: `plot ${chart.size || "small"}`, tabindex: "0", role: "group", "aria-label": `${chart.title}: chart. Left and right arrow keys show values, Escape resets the zoom` });
    this.surface.addEventListener("keydown", (event) => this.key(event));
    this.element = h("figure", { class: `chart ${chart.size || "small"} ${chart.first ? "first" : ""}` }, h("figcaption", {}, h("strong", {}, chart.title), " ", h("span", { class: "quiet" }, chart.units)), this.surface, this.legend);
    this.times = [];
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.surface);
  }

  // Show new values. `from` is the index of the first point to show.
  draw(times, series, from) {
    Object.assign(this, { times, series, from });
    const data = [times, ...this.chart.curves.map((each) => series[each.key])];
    if (!this.plot) {
      if (!this.surface.clientWidth) return;
      this.plot = new uPlot(this.options(), data, this.surface);
    } else this.plot.setData(data, false);
    if (!this.zoomed) this.plot.setScale("x", this.window());
    this.show(this.plot.cursor.idx ?? null);
  }

  // Remove the chart, so that the next `draw` creates it with the colours of another theme.
  restart() {
    if (this.plot) this.plot.destroy();
    this.plot = null;
  }

  leave() {
    this.resized.disconnect();
    this.restart();
  }

  resize() {
    const width = this.surface.clientWidth;
    // A hidden chart has no width and is not drawn. When it becomes visible, it is drawn here.
    if (!this.plot && width && this.series) this.draw(this.times, this.series, this.from);
    if (this.plot && width && width !== this.plot.width) this.plot.setSize({ width, height: this.plot.height });
  }

  // Return the range of the time axis. It begins with the first known point. Otherwise, soon after the first start, the
  // chart of a day would be almost empty.
  window() {
    return { min: this.times[this.from], max: this.times.at(-1) };
  }

  limit(range) {
    this.zoomed = range !== null;
    if (this.plot) this.plot.setScale("x", range || this.window());
  }

  options() {
    const { curves } = this.chart;
    const line = colour("--line"), quiet = colour("--quiet"), font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: quiet, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const of = (side) => curves.find((each) => Boolean(each.right) === side);
    const vertical = (side) => ({ ...axis, scale: side ? "right" : "left", side: side ? 1 : 3, size: 62, space: 24, ...(of(side).binary ? { incrs: BINARY } : {}), grid: { ...axis.grid, show: !side }, values: (_plot, values) => ticks(values, of(side).format) });
    const range = (_plot, _min, max) => [0, (max || 1) * 1.06];
    return {
      width: this.surface.clientWidth, height: parseFloat(getComputedStyle(this.surface).minHeight), legend: { show: false },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), "Etc/UTC"),
      cursor: { sync: SYNC, y: false, points: { size: 6 }, drag: { x: true, y: false, setScale: false }, bind: { dblclick: () => () => { this.on.reset(); return null; } } },
      scales: { left: { range }, right: { range } },
      axes: [{ ...axis, size: 26, space: 70, values: (_plot, values) => values.map((at) => new Date(at * 1e3).toISOString().slice(11, values[1] - values[0] < 60 ? 19 : 16)) }, vertical(false), ...(of(true) ? [vertical(true)] : [])],
      series: [{}, ...curves.map((each, at) => ({ label: each.name, scale: each.right ? "right" : "left", stroke: colour(`--curve-${at + 1}`), width: 1.7, dash: DASHES[at], points: { show: sparse } }))],
      hooks: { setCursor: [(plot) => this.show(plot.cursor.idx)], setSelect: [(plot) => this.select(plot)] },
    };
  }

  select(plot) {
    const { left, width } = plot.select;
    // A selection of a few pixels is probably a click.
    if (width < 8) return;
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.on.zoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
  }

  show(at) {
    this.chart.curves.forEach((each, number) => {
      const points = this.plot.data[number + 1];
      const value = at === null || at === undefined ? points.findLast((point) => point !== null) : points[at];
      const text = value === null || value === undefined ? "–" : each.format(value);
      if (this.values[number].textContent !== text) this.values[number].textContent = text;
    });
    this.on.moved(at ?? null);
  }

  key(event) {
    if (event.key === "Escape") { this.on.reset(); return; }
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !this.plot) return;
    event.preventDefault();
    const present = this.plot.cursor.idx ?? this.times.length - 1;
    const at = Math.min(this.times.length - 1, Math.max(0, present + step));
    this.plot.setCursor({ left: this.plot.valToPos(this.times[at], "x"), top: 10 });
  }
}

// Return whether to draw the points of a curve as dots. With fewer than three points, a line would hardly be visible.
function sparse(plot, series) {
  return plot.data[series].reduce((count, value) => count + (value !== null), 0) < 3;
}
