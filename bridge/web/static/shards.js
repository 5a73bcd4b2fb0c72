// Shards of each stream: their hash ranges, and the rates at which this bridge sends to them.
import { breakable, fill, h } from "./dom.js";
import { duration, integer, percent, rate } from "./format.js";
import { get } from "./event_stream.js";
import { number, panel, tableOf, tag } from "./components.js";

const RELOAD_MS = 2_000;
const HASHES = 2 ** 128;
const COLUMNS = ["Shard", "Hash range", "#Sent/s", "#Throttled/s", "#Used", "#Allowed", "Last throttled", "#Queued", "Deferred"];
const USED_AND_ALLOWED = "Used: what this bridge sends, as a percentage of the shard's limit (1,000 records and 1 MiB per second). Allowed: the percentage that this bridge uses at most, because other producers may use the same shard.";
const DISTRIBUTIONS = { by_key: "the partition key determines the shard", by_service: "Kinesis decides the shard", unknown: "not known yet whether the partition key determines the shard" };

export class Shards {
  constructor() {
    this.element = h("div", {});
    this.load();
    this.timer = setInterval(() => { if (!document.hidden) this.load(); }, RELOAD_MS);
  }

  leave() { clearInterval(this.timer); }

  async load() {
    try {
      const { streams } = await get("/api/shards");
      const known = streams.filter((each) => each.shards.length), others = streams.filter((each) => !each.shards.length);
      fill(this.element, streams.length ? null : panel("Streams", null, h("p", { class: "empty" }, "No stream yet: a stream is known as soon as a mapping names it.")),
        known.map(stream), known.length ? h("p", { class: "quiet below" }, USED_AND_ALLOWED) : null, others.length ? withoutShards(others) : null);
    } catch (error) { fill(this.element, h("p", { class: "empty" }, error.message)); }
  }
}

const titleOf = (each) => (each.worker ? `${each.worker}: ${each.stream}` : each.stream);

// Return one table for all streams whose shards the bridge does not know. The bridge sends records to these streams
// anyway.
function withoutShards(streams) {
  return panel("Streams whose shards are not listed", null,
    h("p", { class: "body" }, "The bridge lists the shards of a stream when it needs them: for packing (kpl and lines), and after a shard was full. The credentials must permit ListShards."),
    h("div", { class: "frame" }, tableOf(["Stream", "Shard of a record"], streams.map((each) => h("tr", {}, h("td", { class: "head wrap" }, breakable(titleOf(each))), h("td", { class: "wrap" }, DISTRIBUTIONS[each.distribution]))))));
}

function stream(each) {
  const facts = [DISTRIBUTIONS[each.distribution], !each.complete ? "more shards may exist" : ""].filter(Boolean).join("; ");
  return panel(titleOf(each), h("span", { class: "quiet" }, facts), h("div", { class: "frame" }, tableOf(COLUMNS, each.shards.map(shard))));
}

function shard(each) {
  const first = Number(each.first_hash) / HASHES, last = Number(each.last_hash) / HASHES;
  return h("tr", {}, h("td", { class: "head wrap" }, breakable(each.shard)),
    h("td", { title: `${each.first_hash} to ${each.last_hash}` }, `${percent(100 * first)} to ${percent(100 * last)}`),
    number(rate(each.sent_per_sec)), number(rate(each.refused_per_sec), "amiss"), number(percent(100 * each.used_share)), number(percent(100 * each.share)),
    h("td", {}, each.refused_secs_ago === null ? "never" : `${duration(each.refused_secs_ago)} ago`), number(integer(each.waiting)),
    h("td", {}, each.deferred ? tag("on disk", "warn") : "–"));
}
