// Active problems, and links to AWS. The bridge determines the problems and the verdict, and the page only shows them.
import { h } from "./dom.js";
import { bytes, counted, duration, integer, rate, seconds } from "./format.js";
import { drawTable, errorText, number, tag } from "./components.js";

export const KIND_OF = { error: "bad", warning: "warn" };
const SEVERITY = { error: ["ERROR", "bad"], warning: ["WARNING", "warn"] };

export const problemsOf = (state, code) => state.problems.filter((each) => each.code === code);

// Return the items of the list of problems. Problems that differ only in their stream or mapping become one item. For
// example, an outage of Kinesis is a problem of every stream, and becomes one item.
export function problemItems(problems, nowMs) {
  const groups = new Map();
  for (const each of problems) {
    const same = JSON.stringify([each.code, each.severity, each.cause, each.advice, each.stage === "delivering" || each.safe]);
    groups.set(same, [...(groups.get(same) || []), each]);
  }
  return [...groups.values()].map((group) => problemItem(group, nowMs));
}

function problemItem(group, nowMs) {
  const [first] = group;
  const rows = details(joined(group), nowMs).flatMap(([label, text]) => [h("dt", {}, label), h("dd", {}, ...errorText(text))]);
  const others = group.slice(1).map((each) => each.stream || each.mapping || named(each));
  return h("li", {}, h("p", { class: "summary" }, tag(...SEVERITY[first.severity]), " ", h("strong", {}, named(first)), " ", mappingLink(first)),
    others.length ? h("p", {}, `Also affected: ${others.join(", ")}`) : null, h("dl", { class: "steps" }, rows));
}

// Return one problem for a group of problems, with the earliest start, the sum of the records, and the shortest buffer
// time.
function joined(group) {
  const [first] = group;
  if (group.length === 1) return first;
  const total = (name) => group.reduce((sum, each) => sum + each[name], 0);
  const hours = group.map((each) => each.buffer_hours).filter((each) => each !== null);
  const lost = total("dropped_records") ? `${integer(total("dropped_records"))} dropped` : "none lost";
  const safe = first.stage === "delivering" ? `${counted(total("buffered_records"), "record")} buffered on disk; ${lost}` : first.safe;
  return { ...first, safe, since: Math.min(...group.map((each) => each.since)), attempts: total("attempts"), buffer_hours: hours.length ? Math.min(...hours) : null };
}

// Return the time of day when a problem began, and how long ago it was. If it began on another day, add the date.
export function sinceText(problem, nowMs) {
  const began = new Date(problem.since * 1000).toISOString(), today = new Date(nowMs).toISOString().slice(0, 10);
  const at = began.startsWith(today) ? began.slice(11, 19) : `${began.slice(0, 10)} ${began.slice(11, 19)}`;
  return `${at} UTC (${duration(Math.max(0, nowMs / 1000 - problem.since))})`;
}

const named = (problem) => (problem.worker ? `${problem.worker}: ${problem.summary}` : problem.summary);

// Return a link to the editor if the problem is an error of a mapping.
function mappingLink(problem) {
  return problem.stage === "mapping" && problem.mapping ? h("a", { href: `#/mappings/${encodeURIComponent(problem.mapping)}` }, "Open the mapping") : null;
}

function details(problem, nowMs) {
  const since = new Date(problem.since * 1000).toISOString();
  const lasting = `${since.slice(0, 10)} ${since.slice(11, 19)} UTC, for ${duration(Math.max(0, nowMs / 1000 - problem.since))}`;
  const attempts = problem.attempts ? `; ${counted(problem.attempts, "failed attempt")} in a row` : "";
  const hours = problem.buffer_hours;
  return [
    ["Since", lasting + attempts],
    ["Cause", problem.cause],
    ["Safe", problem.safe],
    ["Buffer", hours === null ? "" : `room for ${duration(hours * 3600)} at the present rate`],
    ["To do", problem.advice],
  ].filter(([, text]) => text);
}

// Return the endpoints to which at least one request was sent. It may have a response, be in flight, or have failed.
export const knownLinks = (state) => state.endpoints.filter((each) => each.bandwidth || each.requests || each.timeouts || each.outcome_unknown);

export function drawLinks(element, state) {
  const rows = knownLinks(state).map((each) => h("tr", {},
    h("td", { class: "head wrap" }, each.endpoint),
    number(each.bandwidth ? `${bytes(each.bandwidth)}/s` : "–"), number(each.bandwidth && each.answer_secs ? seconds(each.answer_secs) : "–"),
    number(each.requests), number(each.timeouts, "amiss"), number(each.outcome_unknown, "amiss")));
  drawTable(element, ["Endpoint", "#Bandwidth", "#Response time", "#In flight", "#Time-outs", "#Outcome unknown"], rows, "");
}

// Return a text with the time to deliver the current backlog at the rate of the last minute. Without `stream`, use the
// slowest stream.
export function drainTime(state, stream) {
  const flows = state.flows.filter((each) => (stream === undefined || each.stream === stream) && each.drain_secs);
  if (!flows.length) return "";
  const slowest = flows.reduce((one, other) => (other.drain_secs > one.drain_secs ? other : one));
  return `takes ${duration(slowest.drain_secs)} at ${rate(slowest.delivered_per_sec)}/s`;
}
