// Line at the top of every view: healthy, degraded or failing, with the worst problem and the records that are safe.
import { fill } from "./dom.js";
import { counted, duration } from "./format.js";

const WORDS = { ok: "✓ Healthy", degraded: "▲ Degraded", failing: "✕ Failing" };
const KINDS = { ok: "good", degraded: "warn", failing: "bad" };
const element = (id) => document.getElementById(id);

export function drawVerdict(state) {
  const [worst] = state.problems;
  const buffered = state.problems.filter((each) => each.stage === "delivering").reduce((sum, each) => sum + each.buffered_records, 0);
  const hours = Math.min(...state.problems.map((each) => each.buffer_hours ?? Infinity));
  const more = worst ? [`for ${duration(Math.max(0, state.now_ms / 1000 - worst.since))}`, buffered ? `${counted(buffered, "record")} safe on disk` : worst.safe, hours < Infinity ? `buffer: room for ${duration(hours * 3600)}` : ""] : [];
  draw(WORDS[state.state], state.verdict, KINDS[state.state], more.filter((text) => text).join(" · "));
}

export function drawLostVerdict() {
  draw("✕ No connection", "ERROR: the bridge does not respond", "bad", "");
}

function draw(word, text, kind, more) {
  if (element("verdict").textContent !== text) element("verdict").textContent = text;
  fill(element("state-word"), word);
  // A screen reader announces each change of the status element. This text changes each second, so another element
  // shows it.
  fill(element("state-more"), more);
  element("state-bar").className = `verdict ${kind}`;
}
