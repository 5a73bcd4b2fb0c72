// Stages that each message passes: broker → mappings → spool → Kinesis. A stage with a problem shows the problem.
import { breakable, h, renew } from "./dom.js";
import { bytes, counted, duration, integer, rate } from "./format.js";
import { delivered, spooled, sum } from "./ledger.js";
import { drainedIn, known, perSecond } from "./event_stream.js";
import { tag } from "./components.js";
import { drainTime, KIND_OF, problemsOf, sinceText } from "./problems.js";

// Records that are buffered for less than this time are no backlog.
const AT_ONCE_SECS = 5;
const STAGES = { Broker: "receiving", Mappings: "mapping", Spool: "spooling", Kinesis: "delivering" };
const total = (column) => (state) => sum(state.streams, column);
const mapped = (state) => sum(state.ledger, "received") - sum(state.ledger, "filtered") - sum(state.ledger, "dead_lettered");

export function drawFlow(element, state) {
  renew(element, broker(state), mappings(state), spool(state), kinesis(state));
}

export function drawEmptyFlow(element) {
  renew(element, ...Object.keys(STAGES).map((name) => step(null, name, null, "–", "", [])));
}

function broker(state) {
  const kind = state.subscribed ? tag("subscribed", "good") : tag(state.connected ? "subscribing" : "not connected", state.connected ? "warn" : "bad");
  const there = state.workers.filter((worker) => worker.connected).length;
  const lines = [breakable(state.broker), `MQTT ${state.protocol}; ${integer(state.received_messages)} since the start`];
  if (there && !state.connected) lines.push(`${integer(there)} of ${counted(state.workers.length, "worker")} connected`);
  if (state.connections > 1) lines.push(`connected ${integer(state.connections)} times`);
  return step(state, "Broker", kind, perSecond((each) => each.received_messages, "messages"), "messages/s", lines);
}

function mappings(state) {
  const failing = state.failing_mappings.length;
  const deadLetters = state.dead_letter_count ? h("a", { href: "#/dead-letters" }, counted(state.dead_letter_count, "dead letter")) : "no dead letters";
  const lines = [`${counted(state.mappings.length, "mapping")}; ${integer(sum(state.ledger, "filtered"))} filtered`, deadLetters];
  if (state.unmatched) lines.push(`${integer(state.unmatched)} on unmatched topics`);
  return step(state, "Mappings", failing ? tag(`${integer(failing)} with errors`, "warn") : state.mappings.length ? tag("active", "good") : tag("none", "warn"),
    perSecond(mapped, "mapped"), "records/s", lines);
}

function spool(state) {
  const count = spooled(state);
  const late = Math.max(0, ...state.streams.map((each) => each.oldest_secs)) >= AT_ONCE_SECS;
  const kind = state.blocked_reason ? tag("back-pressure", "bad") : count && late ? tag("backlog", "warn") : tag("on disk", "good");
  const room = `${bytes(state.spool_bytes)} of ${bytes(state.spool_max_bytes)}; ${bytes(state.disk_free_bytes)} free`;
  const outage = state.outage_hours === null ? [] : [`room for ${duration(state.outage_hours * 3600)} without Kinesis`];
  return step(state, "Spool", kind, count, count === 1 ? "record buffered" : "records buffered", [backlog(state), room, ...outage], "");
}

// Return the age of the backlog, and the time until it is delivered. The slowest stream determines this time, so that
// the text shows a stream that accepts nothing even if the other streams work.
function backlog(state) {
  if (!spooled(state)) return "buffer empty";
  const oldest = Math.max(0, ...state.streams.map((each) => each.oldest_secs));
  if (oldest < AT_ONCE_SECS) return "no backlog";
  const left = Math.max(...state.streams.map((each) => drainedIn((at) => spooled(at, each.stream)) ?? NaN));
  return h("span", {}, `oldest ${duration(oldest)}, `, h("strong", {}, Number.isNaN(left) ? "estimating …" : left === Infinity ? growth(state) : `drained in ${duration(left)}`));
}

function growth(state) {
  const more = spooled(known.state) - spooled(known.earlier);
  const grows = more > 0 ? `growing by ${rate((more * 1000) / (known.state.now_ms - known.earlier.now_ms))}/s` : "backlog not shrinking";
  return [grows, drainTime(state)].filter((text) => text).join("; ");
}

function kinesis(state) {
  const refused = state.streams.filter((each) => each.state === "refused").length;
  const retrying = state.streams.filter((each) => each.state === "retrying").length;
  const stalled = problemsOf(state, "stream-stalled").filter((each) => each.severity === "error").length;
  const kind = refused ? tag(`${integer(refused)} refused`, "bad") : stalled ? tag(`${integer(stalled)} stalled`, "bad") : retrying ? tag(`${integer(retrying)} retrying`, "warn") : tag(state.streams.length ? "accepting" : "no stream", state.streams.length ? "good" : "warn");
  return step(state, "Kinesis", kind, perSecond(delivered, "delivered"), "records/s",
    [`${counted(state.streams.length, "stream")}; ${integer(delivered(state))} since the start`, trouble()]);
}

function trouble() {
  const now = known.before ? perSecond(total("throttled"), "") : 0;
  const throttled = `${integer(total("throttled")(known.state))} throttled`;
  return `${now > 0 ? `${throttled} (${rate(now)}/s)` : throttled}, ${integer(total("retried")(known.state))} retried`;
}

// Return one stage. `value` is a rate, or a count if `perUnit` is "".
function step(state, name, tagged, value, unit, lines, perUnit = "/s") {
  const problems = state ? state.problems.filter((each) => each.stage === STAGES[name]) : [];
  const big = typeof value === "string" ? value : perUnit ? rate(value) : integer(value);
  return h("li", { class: `step ${problems.length ? KIND_OF[problems[0].severity] : ""}` }, h("h2", {}, name, tagged),
    h("div", { class: "big" }, `${big} `, h("small", {}, unit)), ...lines.map((each) => h("p", {}, each)), problems.length ? fault(problems, state.now_ms) : null);
}

function fault(problems, nowMs) {
  const [worst, ...others] = problems;
  const cause = worst.cause.split("\n")[0];
  return h("p", { class: "fault" }, h("strong", {}, worst.severity === "error" ? "✕ Broken" : "▲ Warning"), ` since ${sinceText(worst, nowMs)}: ${cause || worst.summary}`, others.length ? ` (and ${counted(others.length, "more problem", "more problems")})` : null);
}
