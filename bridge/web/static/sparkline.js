// Small curve of the last hour in a table. Each curve is scaled so that its highest point has the full height. The head
// of the column names the time span.
import { duration } from "./format.js";
import { known, series } from "./event_stream.js";

const SVG = "http://www.w3.org/2000/svg";
const POINTS = 120;

// Return the time span of the curves: "last hour", a shorter span such as "last 12 min", or "" while there are no
// values.
export function covered() {
  const points = Math.max(0, ...Object.values(known.history.series).slice(0, 1).map((each) => each.length - Math.max(0, each.findIndex((point) => point !== null))));
  const secs = points * known.history.step_secs;
  if (secs < 2 * known.history.step_secs) return "";
  return secs >= 3590 ? "last hour" : `last ${duration(secs)}`;
}

export function sparkline(name, what) {
  const svg = document.createElementNS(SVG, "svg");
  const all = series(name) || [];
  const points = thinned(all.slice(Math.max(0, all.findIndex((point) => point !== null))));
  const drawn = { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", role: "img", "aria-label": points.length < 2 ? `${what}: no data yet` : `${what}, ${covered()}` };
  for (const [attribute, value] of Object.entries(drawn)) svg.setAttribute(attribute, value);
  if (points.length < 2) return svg;
  const max = Math.max(...points, 1e-9);
  const point = (value, at) => `${((at / (points.length - 1)) * 100).toFixed(2)},${(23 - (value / max) * 21).toFixed(2)}`;
  const lines = runs(points).map((run) => run.map(([value, at]) => point(value, at)));
  const area = lines.map((line) => `M${line[0].split(",")[0]},24L${line.join("L")}L${line.at(-1).split(",")[0]},24Z`).join("");
  for (const [kind, d] of [["area", area], ["line", lines.map((line) => `M${line.join("L")}`).join("")]]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", kind);
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

// Return the points with their indexes, in runs without a gap. Each run is a separate line, so that no line crosses a
// time when the bridge was not running.
function runs(points) {
  const found = [];
  points.forEach((value, at) => {
    if (value === null) return;
    if (!at || points[at - 1] === null || !found.length) found.push([]);
    found.at(-1).push([value, at]);
  });
  return found;
}

// Return at most POINTS points, because a small curve cannot show more. Each point is the highest point of a group of
// neighbours, or null if the group has no value.
function thinned(points) {
  const step = Math.ceil(points.length / POINTS);
  if (step < 2) return points;
  return Array.from({ length: Math.ceil(points.length / step) }, (_, at) => {
    const group = points.slice(at * step, (at + 1) * step).filter((point) => point !== null);
    return group.length ? Math.max(...group) : null;
  });
}
