// A unified difference of two texts, with a colour for each kind of line.
import { h } from "./dom.js";

const kind = (line) => (/^(?:\+\+\+|---|@@)/.test(line) ? "place" : line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : null);

// The sign at the beginning of each line remains, so that the colour is not the only sign of its kind.
export function differences(text) {
  if (!text) return h("p", { class: "quiet" }, "No difference.");
  return h("pre", { class: "differences-of-text", tabindex: "0", role: "group", "aria-label": "Differences" }, text.replace(/\n$/, "").split("\n").map((line) => h("span", { class: kind(line) }, `${line}\n`)));
}
