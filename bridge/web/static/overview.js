// Message flow at a glance: broker → mappings → spool → Kinesis, then the active problems, then the tables.
import { breakable, h, renew } from "./dom.js";
import { bytes, counted, duration, rate, whole } from "./format.js";
import { drawMappings, drawStreams, drawWorkers, delivered, spooled, sum } from "./ledger.js";
import { drainedIn, known, perSecond } from "./event_stream.js";
import { frame, panel, tag } from "./components.js";
import { drawLinks, problemItem, problemsOf, drainTime } from "./problems.js";
import { peak, sparkline } from "./sparkline.js";

const AT_ONCE_SECS = 5;
const total = (column) => (state) => sum(state.streams, column);
const mapped = (state) => sum(state.ledger, "received") - sum(state.ledger, "filtered") - sum(state.ledger, "dead_lettered");

export class Overview {
  constructor() {
    this.flow = h("ol", { class: "flow", "aria-label": "Message flow" });
    this.problems = h("section", { class: "panel problems", hidden: true, "aria-label": "Active problems" });
    this.links = frame();
    this.ofLinks = panel("Links to AWS", h("span", { class: "quiet" }, "as measured by requests"), this.links);
    this.ofLinks.hidden = true;
    this.streams = frame();
    this.mappings = frame();
    this.balance = h("span");
    this.workers = frame();
    this.ofWorkers = panel("Workers", h("span", { class: "quiet" }, "everything else on this page is their sum"), this.workers);
    this.ofWorkers.hidden = true;
    this.element = h("div", {},
      h("h1", {}, "Overview"), this.problems, this.flow,
      this.ofWorkers,
      panel("Streams", h("span", { class: "quiet" }, "records since the start"), this.streams),
      this.ofLinks,
      panel("Messages by mapping and stream", this.balance, this.mappings));
    renew(this.flow, ...["Broker", "Mappings", "Spool", "Kinesis"].map((name) => step(name, null, "–", "", [])));
  }

  draw(state) {
    renew(this.flow, broker(state), mappings(state), spool(state), kinesis(state));
    this.drawProblems(state);
    this.ofWorkers.hidden = !state.workers.length;
    if (state.workers.length) drawWorkers(this.workers, state);
    drawStreams(this.streams, state);
    this.ofLinks.hidden = !state.endpoints.length;
    if (state.endpoints.length) drawLinks(this.links, state);
    drawMappings(this.mappings, state);
    renew(this.balance, state.balanced ? tag("accounting OK", "good") : tag("ACCOUNTING MISMATCH: see the active problems", "bad"));
  }

  drawProblems(state) {
    this.problems.hidden = !state.problems.length;
    renew(this.problems, h("div", { class: "head" }, h("h2", {}, "Active problems")),
      h("ul", {}, state.problems.map((problem) => problemItem(problem, state.now_ms))));
  }
}

function broker(state) {
  const kind = state.subscribed ? tag("subscribed", "good") : tag(state.connected ? "subscribing" : "not connected", state.connected ? "warn" : "bad");
  const there = state.workers.filter((worker) => worker.connected).length;
  const lines = [breakable(state.broker), `MQTT ${state.protocol}; ${whole(state.received_messages)} since the start`];
  if (there && !state.connected) lines.push(`${whole(there)} of ${counted(state.workers.length, "worker")} connected`);
  if (state.connections > 1) lines.push(`connected ${whole(state.connections)} times`);
  return step("Broker", kind, perSecond((each) => each.received_messages, "messages"), "messages/s", lines, "messages");
}

function mappings(state) {
  const failing = state.failing_mappings.length;
  const deadLetters = state.dead_letter_count ? h("a", { href: "#/dead-letters" }, counted(state.dead_letter_count, "dead letter")) : "no dead letters";
  const lines = [`${counted(state.mappings.length, "mapping")}; ${whole(sum(state.ledger, "filtered"))} filtered`, deadLetters];
  if (state.unmatched) lines.push(`${whole(state.unmatched)} on unmatched topics`);
  return step("Mappings", failing ? tag(`${whole(failing)} with errors`, "warn") : state.mappings.length ? tag("active", "good") : tag("none", "warn"),
    perSecond(mapped, "mapped"), "records/s", lines, "mapped");
}

function spool(state) {
  const count = spooled(state);
  const late = Math.max(0, ...state.streams.map((each) => each.oldest_secs)) >= AT_ONCE_SECS;
  const kind = state.blocked_reason ? tag("back-pressure", "bad") : count && late ? tag("backlog", "warn") : tag("on disk", "good");
  const room = `${bytes(state.spool_bytes)} of ${bytes(state.spool_max_bytes)}; ${bytes(state.disk_free_bytes)} free`;
  return step("Spool", kind, count, count === 1 ? "record buffered" : "records buffered", [backlog(state), room], "backlog", "");
}

// Age of the backlog and time until it is drained. A stream that accepts nothing shows, whatever the others do.
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
  const stalled = problemsOf(state, "stream-stalled").length;
  const kind = refused ? tag(`${whole(refused)} refused`, "bad") : stalled ? tag(`${whole(stalled)} stalled`, "bad") : retrying ? tag(`${whole(retrying)} retrying`, "warn") : tag(state.streams.length ? "accepting" : "no stream", state.streams.length ? "good" : "warn");
  return step("Kinesis", kind, perSecond(delivered, "delivered"), "records/s",
    [`${counted(state.streams.length, "stream")}; ${whole(delivered(state))} since the start`, trouble()], "delivered");
}

function trouble() {
  const now = known.before ? perSecond(total("throttled"), "") : 0;
  const throttled = `${whole(total("throttled")(known.state))} throttled`;
  return `${now > 0 ? `${throttled} (${rate(now)}/s)` : throttled}, ${whole(total("retried")(known.state))} retried`;
}

// `value` is a rate, or a count if `perUnit` is empty.
function step(name, state, value, unit, lines, points = null, perUnit = "/s") {
  const line = points ? [sparkline(points, name), h("p", { class: "covers" }, peak(points, perUnit, value))] : [];
  const big = typeof value === "string" ? value : perUnit ? rate(value) : whole(value);
  return h("li", { class: "step" }, h("h2", {}, name, state), h("div", { class: "big" }, `${big} `, h("small", {}, unit)),
    ...lines.map((each) => h("p", {}, each)), ...line);
}
