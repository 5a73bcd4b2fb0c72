// Connection to the bridge: requests to its API, subscriptions to its events, and the state that the page knows.

// The bridge accepts a change only with this header, which no form of another site can send.
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

// Subscribe to server-sent events, and call `receive` with the data of each event called `name`. The subscription is
// renewed after an error, and pauses while the page is hidden. Returns a function that ends the subscription.
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
  // An EventSource does not report the status of a response. `get` does: it shows the login form if the session has
  // ended.
  const retry = () => { get("/api/status").then(open, () => { waiting = setTimeout(retry, RETRY_MS); }); };
  const close = () => { clearTimeout(waiting); if (source) source.close(); source = null; };
  const look = () => { close(); if (!document.hidden) open(); };
  document.addEventListener("visibilitychange", look);
  look();
  return () => { document.removeEventListener("visibilitychange", look); close(); };
}

// What the page knows of the bridge. `state` is the newest state. `before` is a state from some seconds ago, and is
// used to calculate rates: rates over one second would vary too much. `earlier` is a state from at most half a minute
// ago, and shows whether a backlog becomes smaller.
export const known = { session: { role: "view", name: "", login: false }, state: null, before: null, earlier: null, receivedAt: 0, history: { series: {}, step_secs: 10 } };
let states = [];
const RATE_MS = 5_000;
const EARLIER_MS = 30_000;

export function learn(state) {
  const last = states.at(-1);
  // After a pause or a restart of the bridge, earlier states would give wrong rates.
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
  try { known.session = await get("/api/session"); } catch { /* the subscription to events reports a lost connection */ }
}

export const mayEdit = () => known.session.role === "edit";

export async function rememberHour() {
  try { known.history = await get("/api/history"); } catch { /* the subscription to events reports a lost connection */ }
}

export const series = (name) => known.history.series[name];

// Return the rate of a counter per second. `count(state)` returns the counter. Without an earlier state, return the
// newest recorded rate of the series `name`.
export function perSecond(count, name) {
  const secs = known.before ? (known.state.now_ms - known.before.now_ms) / 1000 : 0;
  const before = secs > 0 ? count(known.before) : undefined;
  if (before !== undefined) return Math.max(0, (count(known.state) - before) / secs);
  return (series(name) || []).at(-1);
}

// Return the seconds until a count is zero at the rate of the last half minute. Return Infinity if the count does not
// decrease, and undefined while the rate is not known.
export function drainedIn(count, earlier = known.earlier, now = known.state) {
  if (!count(now)) return 0;
  if (!earlier) return undefined;
  const drained = count(earlier) - count(now);
  return drained > 0 ? (count(now) * (now.now_ms - earlier.now_ms)) / 1000 / drained : Infinity;
}
