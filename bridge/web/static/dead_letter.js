// One dead letter with all its fields and its payload.
import { breakable, h } from "./dom.js";
import { bytes, pretty } from "./format.js";
import { panel } from "./components.js";

// `worker` is the number of the worker that has the dead letter; "" if the bridge has no workers.
export function deadLetter(each, worker) {
  const cut = each.stored_bytes < each.bytes ? `, of which the first ${bytes(each.stored_bytes)} are stored` : "";
  const facts = {
    Why: `${each.code}: ${each.detail}`, Mapping: each.mapping || "none", Streams: each.streams.join(", ") || "none", Received: each.at,
    Topic: breakable(each.topic || ""), Key: each.key, Item: each.item,
    QoS: each.kind === "message" ? `${each.qos}${each.retain ? ", retained" : ""}` : null,
    Properties: Object.keys(each.properties).length ? JSON.stringify(each.properties) : null,
  };
  const shown = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined && String(value) !== "");
  const editor = `#/mappings/${encodeURIComponent(each.mapping)}/dead-letter/${each.number}${worker ? `/${worker}` : ""}`;
  const open = each.kind === "message" && each.mapping ? h("a", { href: editor }, "Open in the editor with this message") : null;
  return panel(`Dead letter ${each.number}`, open,
    h("div", { class: "body" }, h("dl", { class: "steps" }, shown.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, Array.isArray(value) ? value : String(value))])),
      h("h3", {}, `Payload, ${bytes(each.bytes)}${cut}`), h("pre", {}, pretty(each.payload))));
}
