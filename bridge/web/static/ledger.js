// Tables of the overview: the streams, the ledger by mapping, and the workers if there are any.
import { breakable, h } from "./dom.js";
import { counted, duration, integer, rate } from "./format.js";
import { drainedIn, known, perSecond } from "./event_stream.js";
import { drawTable, number, tag } from "./components.js";
import { KIND_OF, drainTime, sinceText } from "./problems.js";
import { covered, sparkline } from "./sparkline.js";

const COLUMNS = ["received", "delivered", "filtered", "dead_lettered", "dropped", "spooled"];
const STREAM = { ok: ["accepting", "good"], retrying: ["retrying", "warn"], refused: ["refused", "bad"] };
const WORKER = { running: "good", draining: "warn", drained: "good", starting: "warn" };
const COLOURS = { dead_lettered: "amiss", dropped: "lost" };
// If the last request to a stream is older than this, the table shows its age.
const OLD_SECS = 60;
// If the oldest record of a stream is older than this, the stream has a backlog.
const LATE_SECS = 5;

export const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);
export const delivered = (state) => sum(state.streams, "delivered");
export const spooled = (state, stream) => sum(stream === undefined ? state.ledger : state.ledger.filter((row) => row.stream === stream), "spooled");

const head = (...cells) => h("td", { class: "head wrap" }, ...cells);
const note = (...text) => h("div", { class: "quiet" }, ...text);
const chart = (name, what) => h("td", { class: "chart" }, sparkline(name, what));
const chartHead = () => { const text = covered(); return text ? text[0].toUpperCase() + text.slice(1) : "Last hour"; };

export function drawStreams(element, state) {
  const rows = state.streams.map((each) => {
    const of = (at) => at.streams.find((other) => other.stream === each.stream);
    const count = (at) => of(at)?.delivered ?? each.delivered;
    const [problem] = state.problems.filter((found) => found.stream === each.stream);
    const [word, kind] = problem?.code === "stream-stalled" && problem.severity === "error" ? ["stalled", "bad"] : STREAM[each.state];
    return h("tr", { "data-key": each.stream, class: problem?.severity === "error" ? "broken" : null },
      head(breakable(each.stream), each.hot_key ? note("hot key: ", each.hot_key) : null),
      h("td", { class: "wrap" }, tag(word, problem ? KIND_OF[problem.severity] : kind), problem ? note(`since ${sinceText(problem, state.now_ms)}: ${problem.cause.split("\n")[0]}`) : each.code ? note(`${each.code}, for ${duration(each.bad_for_secs)}`) : null),
      number(rate(perSecond(count, `stream ${each.stream}`))), chart(`stream ${each.stream}`, `Delivered to ${each.stream}`),
      number(each.delivered), waiting(state, each),
      number(each.throttled, "amiss"), number(each.retried, "amiss"), latency(each, state.now_ms));
  });
  drawTable(element, ["Stream", "State", "#Records/s", `~${chartHead()}`, "#Delivered", "#Buffered", "#Throttled", "#Retried", "#Latency"], rows,
    "No stream yet: no mapping has sent a record.");
}

// Return the cell with the latency of the last request to a stream. If the request is older than a minute, add its age.
function latency(stream, nowMs) {
  if (!stream.answered_at) return number("–");
  const cell = number(`${integer(stream.last_latency_ms)} ms`), secs = nowMs / 1000 - stream.answered_at;
  if (secs >= OLD_SECS) cell.append(note(`${duration(secs)} ago`));
  return cell;
}

// Return the cell with the number of buffered records of a stream, and with details if they are a backlog.
function waiting(state, stream) {
  const count = spooled(state, stream.stream);
  const cell = number(count, stream.oldest_secs >= LATE_SECS ? "amiss" : "");
  if (count && stream.oldest_secs >= LATE_SECS) cell.append(note(`oldest ${duration(stream.oldest_secs)}`), note(estimate(state, stream.stream)));
  return cell;
}

function estimate(state, stream) {
  const left = drainedIn((at) => spooled(at, stream));
  return left === undefined ? "" : left === Infinity ? drainTime(state, stream) || "backlog not shrinking" : `drained in ${duration(left)}`;
}

export function drawMappings(element, state) {
  const info = new Map(state.mappings.map((each) => [each.name, each]));
  const rows = state.ledger.map((row) => {
    const of = (at) => at.ledger.find((other) => other.mapping === row.mapping && other.stream === row.stream);
    const now = perSecond((at) => of(at)?.received ?? row.received, `mapping ${row.mapping}`);
    const name = row.mapping ? h("a", { href: `#/mappings/${encodeURIComponent(row.mapping)}` }, breakable(row.mapping)) : "no mapping";
    const silent = info.get(row.mapping)?.silent_ms;
    return h("tr", { "data-key": `${row.mapping} → ${row.stream}` },
      head(name, state.failing_mappings.includes(row.mapping) ? [" ", tag("file has errors", "warn")] : null,
        silent ? [" ", tag(`silent for ${duration(silent / 1000)}`, "warn")] : null,
        note(row.stream ? ["→ ", ...breakable(row.stream)] : "to no stream")),
      number(rate(now)), chart(`mapping ${row.mapping}`, `Received by ${row.mapping || "no mapping"}`),
      ...COLUMNS.map((column) => number(row[column], COLOURS[column])));
  });
  const total = h("tr", {}, head("All"), h("td", { class: "gap" }), h("td", { class: "gap chart" }), ...COLUMNS.map((column) => totalOf(state, column)));
  drawTable(element, ["Mapping", "#Records/s", `~${chartHead()}`, "#Received", "#Delivered", "#Filtered", "#Dead letters", "#Dropped", "#Buffered"], rows,
    "No messages yet.", total);
}

// Return the cell with the total of a column. The column `Dead letters` counts a message once for each of its streams,
// and also counts dead letters that were deleted. So the cell also shows the number of dead letters that are stored
// now.
function totalOf(state, column) {
  const cell = number(sum(state.ledger, column));
  if (column === "dead_lettered" && sum(state.ledger, column) !== state.dead_letter_count) cell.append(note(`${integer(state.dead_letter_count)} stored`));
  return cell;
}

export function drawWorkers(element, state) {
  const rows = state.workers.map((each) => {
    const of = (at) => at.workers.find((other) => other.number === each.number);
    const now = known.before && perSecond((at) => of(at)?.received_messages ?? each.received_messages, "");
    const late = each.spooled && each.oldest_secs >= LATE_SECS;
    const wait = number(each.spooled, late ? "amiss" : "");
    if (late) wait.append(note(`oldest ${duration(each.oldest_secs)}`));
    return h("tr", {},
      head(each.name, note(each.detail || each.client_id)),
      h("td", {}, tag(each.state, WORKER[each.state] || "bad"), each.restarts ? note(counted(each.restarts, "restart"), "; last: ", each.last_end) : null),
      number(rate(now)), number(each.received_messages), number(each.delivered), wait, number(each.dead_letter_count, "amiss"));
  });
  drawTable(element, ["Worker", "State", "#Messages/s", "#Received", "#Delivered", "#Buffered", "#Dead letters"], rows, "");
}
