// The whole way of a message at a glance: broker → mappings → spool → Kinesis, and the tables behind it.
import { fill, h, sparkline } from "./dom.js";
import { bytes, duration, rate, whole } from "./format.js";
import { known, perSecond } from "./main.js";

const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);
const series = (name) => known.history.series[name];
const number = (value, attributes = {}) => h("td", { class: "number", ...attributes }, typeof value === "string" ? value : whole(value));

export class Overview {
  constructor() {
    this.flow = h("ol", { class: "flow", "aria-label": "The way of a message" });
    this.problems = h("section", { class: "panel problems", hidden: true, "aria-label": "What is wrong" });
    this.streams = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Streams" });
    this.mappings = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Mappings" });
    this.balance = h("span");
    this.workers = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Workers" });
    this.ofWorkers = panel("Workers", h("span", { class: "quiet" }, "everything else here is their sum"), this.workers);
    this.element = h("div", {},
      h("h1", {}, "Overview"), this.problems, this.flow,
      this.ofWorkers,
      panel("Streams", h("span", { class: "quiet" }, "since the start"), this.streams),
      panel("Mappings and the books", this.balance, this.mappings));
  }

  draw(state) {
    const before = known.before;
    const delivered = sum(state.streams, "delivered");
    const out = perSecond(delivered, before && sum(before.streams, "delivered"), "delivered");
    const into = perSecond(state.received_messages, before ? before.received_messages : undefined, "messages");
    const letters = h("a", { href: "#/letters" }, `${whole(state.dead_letter_count)} dead letters`);
    fill(this.flow,
      step("Broker", state.subscribed ? tag("subscribed", "good") : tag(state.connected ? "subscribing" : "not connected", "bad"),
        rate(into), "messages/s", [state.broker, `MQTT ${state.protocol}, ${whole(state.received_messages)} since the start`], "messages"),
      step("Mappings", state.failing_mappings.length ? tag(`${state.failing_mappings.length} with problems`, "warn") : tag("in force", "good"),
        whole(state.mappings.length), state.mappings.length === 1 ? "mapping" : "mappings",
        [`${whole(sum(state.ledger, "filtered"))} filtered by a rule`, letters], null),
      step("Spool", state.blocked ? tag("blocked", "bad") : tag("on disk", "good"), whole(sum(state.ledger, "spooled")), "records wait",
        [waiting(state, out, into), `${bytes(state.spool_bytes)} of ${bytes(state.spool_max_bytes)}; ${bytes(state.disk_free_bytes)} free`], "backlog"),
      step("Kinesis", streamsTag(state.streams), rate(out), "records/s",
        [`${state.streams.length} ${state.streams.length === 1 ? "stream" : "streams"}`, `${whole(sum(state.ledger, "delivered"))} delivered in all`], "delivered"));
    this.drawProblems(state.problems);
    this.drawWorkers(state);
    this.drawStreams(state);
    this.drawMappings(state);
  }

  drawProblems(problems) {
    this.problems.hidden = !problems.length;
    const text = problems.join("\n");
    if (this.shown === text) return;
    this.shown = text;
    fill(this.problems, h("div", { class: "head" }, h("h2", {}, "What is wrong now, and what to do")),
      h("ul", {}, problems.map((problem) => h("li", {}, problem))));
  }

  drawWorkers(state) {
    this.ofWorkers.hidden = !state.workers.length;
    const old = Object.fromEntries((known.before ? known.before.workers : []).map((each) => [each.number, each]));
    const kinds = { running: "good", draining: "warn", drained: "good", starting: "warn" };
    table(this.workers, ["Worker", "State", "#Rate", "#Received", "#Delivered", "#Waiting", "#Oldest", "#Dead letters", "#Restarts"],
      state.workers.map((each) => {
        const before = old[each.number];
        const now = before && perSecond(each.received_messages, before.received_messages, "");
        return h("tr", {}, h("td", { class: "wrap" }, each.name, each.detail ? h("div", { class: "quiet" }, each.detail) : null),
          h("td", {}, tag(each.state, kinds[each.state] || "bad")), number(`${rate(now)} /s`), number(each.received_messages), number(each.delivered),
          number(each.spooled), number(each.oldest_secs ? duration(each.oldest_secs) : "–"), number(each.dead_letter_count), number(each.restarts));
      }), "");
  }

  drawStreams(state) {
    const old = Object.fromEntries((known.before ? known.before.streams : []).map((each) => [each.stream, each]));
    const rows = state.streams.map((each) => {
      const before = old[each.stream];
      const now = perSecond(each.delivered, before && before.delivered, `stream ${each.stream}`);
      const waits = state.ledger.filter((row) => row.stream === each.stream).reduce((total, row) => total + row.spooled, 0);
      return h("tr", {},
        h("td", { class: "wrap" }, each.stream, each.hot_key ? h("div", { class: "quiet" }, `hot key: ${each.hot_key}`) : null),
        h("td", {}, tag(each.state, { ok: "good", retrying: "warn", refused: "bad" }[each.state])),
        number(`${rate(now)} /s`), h("td", {}, sparkline(series(`stream ${each.stream}`), `delivered to ${each.stream} over the last hour`)),
        number(each.delivered), number(waits), number(each.oldest_secs ? duration(each.oldest_secs) : "–"),
        number(each.throttled), number(each.retried), number(`${Math.round(each.last_latency_ms)} ms`));
    });
    table(this.streams, ["Stream", "State", "#Rate", "Last hour", "#Delivered", "#Waiting", "#Oldest", "#Throttled", "#Retried", "#Answer"], rows,
      "No mapping sends anywhere yet.");
  }

  drawMappings(state) {
    const info = Object.fromEntries(state.mappings.map((each) => [each.name, each]));
    const old = Object.fromEntries((known.before ? known.before.ledger : []).map((row) => [`${row.mapping}\n${row.stream}`, row]));
    const rows = state.ledger.map((row) => {
      const before = old[`${row.mapping}\n${row.stream}`];
      const name = row.mapping ? h("a", { href: `#/mappings/${encodeURIComponent(row.mapping)}` }, row.mapping) : h("span", { class: "quiet" }, "no mapping");
      const failing = state.failing_mappings.includes(row.mapping);
      const silent = info[row.mapping] && info[row.mapping].silent_ms;
      return h("tr", {},
        h("td", { class: "wrap" }, name, failing ? [" ", tag("its file has problems", "warn")] : null, silent ? [" ", tag(`silent for ${duration(silent / 1000)}`, "warn")] : null),
        h("td", { class: "wrap" }, row.stream || "–"),
        number(`${rate(perSecond(row.received, before && before.received, `mapping ${row.mapping}`))} /s`),
        h("td", {}, sparkline(series(`mapping ${row.mapping}`), `received by ${row.mapping} over the last hour`)),
        ...["received", "delivered", "filtered", "dead_lettered", "dropped", "spooled"].map((column) => number(row[column])));
    });
    const total = h("tfoot", {}, h("tr", {}, h("td", { colspan: 4 }, "All"),
      ...["received", "delivered", "filtered", "dead_lettered", "dropped", "spooled"].map((column) => number(sum(state.ledger, column)))));
    table(this.mappings, ["Mapping", "Stream", "#Rate", "Last hour", "#Received", "#Delivered", "#Filtered", "#Dead-lettered", "#Dropped", "#Spooled"], rows,
      "Nothing was received yet.", total);
    fill(this.balance, state.balanced ? tag("the books balance", "good") : tag("THE BOOKS DO NOT BALANCE: please report this", "bad"));
  }
}

function waiting(state, out, into) {
  const count = sum(state.ledger, "spooled");
  const oldest = Math.max(0, ...state.streams.map((each) => each.oldest_secs));
  if (!count) return "nothing waits";
  if (oldest < 5) return "sent as it comes";
  const growing = (out || 0) <= (into || 0);
  const drained = growing ? "growing" : `drained in ${duration(count / (out - into))}`;
  return [`oldest ${duration(oldest)}`, drained].filter(Boolean).join(", ");
}

function streamsTag(streams) {
  const refused = streams.filter((each) => each.state === "refused").length;
  const retrying = streams.filter((each) => each.state === "retrying").length;
  if (refused) return tag(`${refused} refused`, "bad");
  return retrying ? tag(`${retrying} retrying`, "warn") : tag("accepting", "good");
}

const tag = (text, kind) => h("span", { class: `tag ${kind}` }, text);

function step(name, state, big, unit, lines, points) {
  return h("li", { class: "step" }, h("h2", {}, name, state), h("div", { class: "big" }, `${big} `, h("small", {}, unit)),
    ...lines.map((line) => h("p", {}, line)), points ? sparkline(series(points), `${name} over the last hour`) : null);
}

export function panel(title, beside, ...children) {
  return h("section", { class: "panel", "aria-label": title }, h("div", { class: "head" }, h("h2", {}, title), beside), ...children);
}

// Columns that begin with # hold numbers.
export function table(element, columns, rows, empty, foot = null) {
  if (!rows.length) { fill(element, h("p", { class: "empty" }, empty)); return; }
  const heads = columns.map((name) => h("th", { scope: "col", class: name.startsWith("#") ? "number" : null }, name.replace("#", "")));
  fill(element, h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows), foot));
}
