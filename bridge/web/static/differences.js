// Unified diff of two texts, in which added and removed lines have colours.
import { h } from "./dom.js";

const kind = (line) => (/^(?:\+\+\+|---|@@)/.test(line) ? "place" : line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : null);

// The + or - at the beginning of each line is also shown, for users who cannot distinguish the colours.
export function differences(text) {
  if (!text) return h("p", { class: "quiet" }, "No difference.");
  return h("pre", { class: "differences-of-text", tabindex: "0", role: "group", "aria-label": "Differences" }, text.replace(/\n$/, "").split("\n").map((line) => h("span", { class: kind(line) }, `${line}\n`)));
}
