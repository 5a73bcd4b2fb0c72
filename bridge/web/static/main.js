// What the page knows, and which view shows it. The bridge tells its state each second; views draw it.
import { fill, h } from "./dom.js";
import { duration } from "./format.js";
import { Letters } from "./letters.js";
import { Mappings } from "./mappings.js";
import { Messages } from "./messages.js";
import { Overview } from "./overview.js";

const HEADERS = { "X-Mqtt-Kinesis": "page" };

export async function get(path) {
  return answer(await fetch(path, { headers: HEADERS }));
}

export async function post(path, value) {
  const headers = { ...HEADERS, "Content-Type": "application/json" };
  return answer(await fetch(path, { method: "POST", headers, body: JSON.stringify(value) }));
}

async function answer(response) {
  if (response.status === 401) location.reload();
  const value = await response.json();
  if (!response.ok) throw new Error(value.error || `HTTP ${response.status}`);
  return value;
}

export const known = { state: null, before: null, history: { series: {}, step_secs: 10 } };

// Per second, between the state before and this one; where there is none before, what the history says.
export function perSecond(now, before, series) {
  const secs = known.before ? (known.state.now_ms - known.before.now_ms) / 1000 : 0;
  if (secs > 0 && before !== undefined) return Math.max(0, (now - before) / secs);
  return (known.history.series[series] || []).at(-1);
}

const VIEWS = { "": Overview, messages: Messages, mappings: Mappings, letters: Letters };
const content = document.getElementById("content");
let view = null;

function show() {
  const [, name = "", ...rest] = location.hash.split("/").map(decodeURIComponent);
  const View = VIEWS[name] || Overview;
  if (!(view instanceof View)) {
    if (view && view.leave) view.leave();
    view = new View();
    fill(content, view.element);
  }
  for (const link of document.querySelectorAll("#views a")) {
    const current = link.getAttribute("href") === (View === Overview ? "#/" : `#/${name}`);
    if (current) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  if (view.go) view.go(rest);
  if (known.state && view.draw) view.draw(known.state);
}

function verdict(text, kind) {
  const pill = document.getElementById("verdict");
  if (pill.textContent !== text) pill.textContent = text;
  pill.className = `pill ${kind}`;
}

function tell(state) {
  known.before = known.state;
  known.state = state;
  document.getElementById("client").textContent = state.client_id;
  const count = document.getElementById("letter-count");
  count.hidden = !state.dead_letter_count;
  count.textContent = state.dead_letter_count.toLocaleString("en-US");
  const problems = state.problems.length;
  if (problems) verdict(problems === 1 ? "1 problem" : `${problems} problems`, "bad");
  else if (!state.subscribed) verdict("connecting to the broker", "warn");
  else verdict("all is well", "good");
  document.getElementById("footer").textContent = `version ${state.version}, up ${duration(state.up_secs)}`;
  document.getElementById("logout").hidden = !state.writable;
  if (view && view.draw && !document.hidden) view.draw(state);
}

function listen() {
  const events = new EventSource("/api/events");
  events.addEventListener("state", (event) => tell(JSON.parse(event.data)));
  events.addEventListener("error", () => verdict("the bridge does not answer", "bad"));
  return events;
}

async function remember() {
  try { known.history = await get("/api/history"); } catch { /* told by the stream of events */ }
}

// While nobody looks, nothing is asked for.
let events = null;
function wake() {
  if (document.hidden) { if (events) events.close(); events = null; } else if (!events) { known.before = null; known.state = null; events = listen(); remember(); }
}

document.addEventListener("visibilitychange", wake);
window.addEventListener("hashchange", () => { show(); content.focus({ preventScroll: true }); });
setInterval(() => { if (!document.hidden) remember(); }, 10_000);
show();
wake();
