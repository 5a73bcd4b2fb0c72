// Line of the last hour. The highest point fills the height; the text beside the line names the time span.
import { duration, rate } from "./format.js";
import { known, series } from "./event_stream.js";

const SVG = "http://www.w3.org/2000/svg";
const POINTS = 120;

// "last hour", or the part of it that is known.
export function covered() {
  const points = Math.max(0, ...Object.values(known.history.series).slice(0, 1).map((each) => each.length));
  const secs = points * known.history.step_secs;
  if (secs < 2 * known.history.step_secs) return "";
  return secs >= 3590 ? "last hour" : `last ${duration(secs)}`;
}

// `present` is the value shown beside it, which is newer than the last point and may be the highest.
export function peak(name, unit, present) {
  const points = series(name) || [];
  return points.length < 2 ? "" : `${covered()}, peak ${rate(Math.max(...points, present || 0))}${unit}`;
}

export function sparkline(name, what) {
  const svg = document.createElementNS(SVG, "svg");
  const points = thinned(series(name) || []);
  const drawn = { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", role: "img", "aria-label": points.length < 2 ? `${what}: no data yet` : `${what}, ${covered()}` };
  for (const [attribute, value] of Object.entries(drawn)) svg.setAttribute(attribute, value);
  if (points.length < 2) return svg;
  const max = Math.max(...points, 1e-9);
  const point = (value, at) => `${((at / (points.length - 1)) * 100).toFixed(2)},${(23 - (value / max) * 21).toFixed(2)}`;
  const line = points.map(point).join("L");
  for (const [kind, d] of [["area", `M0,24L${line}L100,24Z`], ["line", `M${line}`]]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", kind);
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

// Reduce the points to the visible number: the highest of each group.
function thinned(points) {
  const step = Math.ceil(points.length / POINTS);
  if (step < 2) return points;
  return Array.from({ length: Math.ceil(points.length / step) }, (_, at) => Math.max(...points.slice(at * step, (at + 1) * step)));
}
