// The shards of each stream: their ranges of hashes, and what is sent to each.
import { breakable, fill, h } from "./dom.js";
import { duration, percent, rate, whole } from "./format.js";
import { get } from "./event_stream.js";
import { number, panel, tableOf, tag } from "./components.js";

const RELOAD_MS = 2_000;
const HASHES = 2 ** 128;
const COLUMNS = ["Shard", "Hash range", "#Sent/s", "#Throttled/s", "#Used", "#Allowed", "Last full", "#Waiting", "On disk"];
const DISTRIBUTIONS = { by_key: "partition keys decide the shard", by_service: "Kinesis decides the shard", unknown: "not known yet whether partition keys decide the shard" };

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
      fill(this.element, streams.length ? streams.map(stream) : panel("Streams", null, h("p", { class: "empty" }, "No stream yet: a stream is known as soon as a mapping names it.")),
        h("p", { class: "quiet" }, "Used and allowed: part of the shard's limit (1,000 records and 1 MiB per second) that this bridge sends, and may send at most, as it shares the shard with other producers."));
    } catch (error) { fill(this.element, h("p", { class: "empty" }, error.message)); }
  }
}

function stream(each) {
  const title = each.worker ? `${each.worker}: ${each.stream}` : each.stream;
  const facts = [DISTRIBUTIONS[each.distribution], each.shards.length && !each.complete ? "more shards may exist" : ""].filter(Boolean).join("; ");
  return panel(title, h("span", { class: "quiet" }, facts),
    h("div", { class: "frame" }, each.shards.length ? tableOf(COLUMNS, each.shards.map(shard)) : h("p", { class: "empty" }, "The shards are not known. They are listed for packing: kpl and lines, and after a shard was full, if the credentials permit ListShards.")));
}

function shard(each) {
  const first = Number(each.first_hash) / HASHES, last = Number(each.last_hash) / HASHES;
  return h("tr", {}, h("td", { class: "head wrap" }, breakable(each.shard)),
    h("td", { title: `${each.first_hash} to ${each.last_hash}` }, `${percent(100 * first)} to ${percent(100 * last)}`),
    number(rate(each.sent_per_sec)), number(rate(each.refused_per_sec), "amiss"), number(percent(100 * each.used_share)), number(percent(100 * each.share)),
    h("td", {}, each.refused_secs_ago === null ? "never" : `${duration(each.refused_secs_ago)} ago`), number(whole(each.waiting)),
    h("td", {}, each.deferred ? tag("deferred", "warn") : "–"));
}
