// State of the bridge in the page: the status each second, the last hour, and requests for more.

const HEADERS = { "X-Mqtt-Kinesis": "page" };
const RETRY_MS = 2_000;

export async function get(path) {
  return parsed(await fetch(path, { headers: HEADERS }));
}

export const post = (path, value) => send("POST", path, value);
export const put = (path, value) => send("PUT", path, value);

async function send(method, path, value) {
  const headers = { ...HEADERS, "Content-Type": "application/json" };
  return parsed(await fetch(path, { method, headers, body: JSON.stringify(value) }));
}

async function parsed(response) {
  if (response.status === 401) location.reload(); // the session has ended: the same URL shows the login form
  const value = await response.json();
  if (!response.ok) throw Object.assign(new Error(value.error || `HTTP ${response.status}`), { status: response.status, value });
  return value;
}

// Subscribe to server-sent events. The subscription is renewed after an error, and pauses while the page is hidden.
// Returns the function that ends it.
export function listen(path, name, receive) {
  let source = null;
  let waiting = 0;
  const open = () => {
    source = new EventSource(path);
    source.addEventListener(name, (event) => receive(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (source && source.readyState === EventSource.CLOSED) { close(); waiting = setTimeout(retry, RETRY_MS); }
    });
  };
  const retry = () => { get("/api/status").then(open, () => { waiting = setTimeout(retry, RETRY_MS); }); };
  const close = () => { clearTimeout(waiting); if (source) source.close(); source = null; };
  const look = () => { close(); if (!document.hidden) open(); };
  document.addEventListener("visibilitychange", look);
  look();
  return () => { document.removeEventListener("visibilitychange", look); close(); };
}

// `before` is the state some seconds ago, for a rate that does not jump; `earlier` is at most half a minute old.
export const known = { session: { role: "view", name: "", login: false }, state: null, before: null, earlier: null, receivedAt: 0, history: { series: {}, step_secs: 10 } };
let states = [];
const RATE_MS = 5_000;
const EARLIER_MS = 30_000;

export function learn(state) {
  const last = states.at(-1);
  if (last && (state.now_ms - last.now_ms > EARLIER_MS || state.up_secs < last.up_secs)) states = [];
  const age = (each) => state.now_ms - each.now_ms;
  states = states.filter((each) => age(each) <= EARLIER_MS);
  known.before = states.findLast((each) => age(each) >= RATE_MS) || states[0] || null;
  known.earlier = states[0] && age(states[0]) >= RATE_MS ? states[0] : null;
  states.push(state);
  known.state = state;
  known.receivedAt = performance.now();
}

export async function rememberSession() {
  try { known.session = await get("/api/session"); } catch { /* the stream of events reports it */ }
}

export const mayEdit = () => known.session.role === "edit";

export async function rememberHour() {
  try { known.history = await get("/api/history"); } catch { /* the stream of events reports it */ }
}

export const series = (name) => known.history.series[name];

// Rate per second of a counter; without an earlier state, the newest rate of the last hour.
export function perSecond(count, name) {
  const secs = known.before ? (known.state.now_ms - known.before.now_ms) / 1000 : 0;
  const before = secs > 0 ? count(known.before) : undefined;
  if (before !== undefined) return Math.max(0, (count(known.state) - before) / secs);
  return (series(name) || []).at(-1);
}

// Seconds until a count is zero at the rate of the last half minute: Infinity if it does not shrink, undefined while
// the rate is unknown.
export function drainedIn(count, earlier = known.earlier, now = known.state) {
  if (!count(now)) return 0;
  if (!earlier) return undefined;
  const drained = count(earlier) - count(now);
  return drained > 0 ? (count(now) * (now.now_ms - earlier.now_ms)) / 1000 / drained : Infinity;
}
