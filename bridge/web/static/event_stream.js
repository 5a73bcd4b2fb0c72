// What the page knows of the bridge: the state each second, the last hour, and how to ask for more.

const HEADERS = { "X-Mqtt-Kinesis": "page" };
const AGAIN_MS = 2_000;

export async function get(path) {
  return answer(await fetch(path, { headers: HEADERS }));
}

export async function post(path, value) {
  const headers = { ...HEADERS, "Content-Type": "application/json" };
  return answer(await fetch(path, { method: "POST", headers, body: JSON.stringify(value) }));
}

async function answer(response) {
  if (response.status === 401) location.reload(); // the session has ended: the login form is at the same place
  const value = await response.json();
  if (!response.ok) throw new Error(value.error || `HTTP ${response.status}`);
  return value;
}

// Events that come again after whatever ended them, and rest while nobody looks. Gives the function that ends them.
export function listen(path, name, told) {
  let source = null;
  let waiting = 0;
  const open = () => {
    source = new EventSource(path);
    source.addEventListener(name, (event) => told(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (source && source.readyState === EventSource.CLOSED) { close(); waiting = setTimeout(again, AGAIN_MS); }
    });
  };
  const again = () => { get("/api/status").then(open, () => { waiting = setTimeout(again, AGAIN_MS); }); };
  const close = () => { clearTimeout(waiting); if (source) source.close(); source = null; };
  const look = () => { close(); if (!document.hidden) open(); };
  document.addEventListener("visibilitychange", look);
  look();
  return () => { document.removeEventListener("visibilitychange", look); close(); };
}

// `before` is the state some seconds ago, to tell a rate by that does not jump; `earlier` is half a minute old at most.
export const known = { state: null, before: null, earlier: null, heardAt: 0, history: { series: {}, step_secs: 10 } };
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
  known.heardAt = performance.now();
}

export async function rememberHour() {
  try { known.history = await get("/api/history"); } catch { /* told by the stream of events */ }
}

export const series = (name) => known.history.series[name];

// Per second, of a number that the states count; where there is no state before, what the last hour's end says.
export function perSecond(count, name) {
  const secs = known.before ? (known.state.now_ms - known.before.now_ms) / 1000 : 0;
  const before = secs > 0 ? count(known.before) : undefined;
  if (before !== undefined) return Math.max(0, (count(known.state) - before) / secs);
  return (series(name) || []).at(-1);
}

// Seconds until so many are gone at the pace of the last half minute: Infinity if they are not getting fewer,
// undefined while that is not known.
export function drainedIn(count, earlier = known.earlier, now = known.state) {
  if (!count(now)) return 0;
  if (!earlier) return undefined;
  const gone = count(earlier) - count(now);
  return gone > 0 ? (count(now) * (now.now_ms - earlier.now_ms)) / 1000 / gone : Infinity;
}
