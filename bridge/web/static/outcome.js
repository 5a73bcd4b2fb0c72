// Result of a mapping for a message: records, dead letters, or `filtered`.
import { breakable, h, members } from "./dom.js";
import { bytes, counted } from "./format.js";
import { tag } from "./components.js";

// A node can have only one parent, so each record and dead letter needs a copy of the mapping's name.
const copy = (nodes) => nodes && nodes.map((each) => (each.cloneNode ? each.cloneNode(true) : each));

// Return the element for a result. `shown` formats the data of a record.
export function mappingResult(each, shown) {
  const name = each.mapping ? [h("strong", {}, breakable(each.mapping)), " → "] : null;
  const notes = each.remembers ? h("p", { class: "quiet" }, "`changes` and `sample` are not applied here: they depend on earlier messages.") : null;
  const none = !each.records.length && !each.rejections.length ? h("div", { class: "outcome" }, name, tag("filtered"), " no record") : null;
  return h("div", { class: "mapped" },
    each.records.map((record) => h("div", { class: "outcome" }, copy(name),
      h("span", { class: "tag good" }, breakable(record.stream)), h("span", { class: "quiet" }, record.key === null ? " any shard" : [" key ", record.key], ` · ${bytes(record.bytes)}`),
      h("pre", {}, members(shown(record.data))))),
    each.rejections.map((rejection) => h("div", { class: "outcome" }, copy(name),
      tag(`dead letter: ${rejection.code}`, "bad"), " ", rejection.item === null ? "" : `item ${rejection.item}: `, rejection.detail)),
    none, notes, each.more ? h("p", { class: "quiet" }, `and ${counted(each.more, "more record")}`) : null,
    each.more_rejections ? h("p", { class: "quiet" }, `and ${counted(each.more_rejections, "more dead letter")}`) : null);
}
