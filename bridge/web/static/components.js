// Panels, tags and tables for all views.
import { h, renew } from "./dom.js";
import { whole } from "./format.js";

export const tag = (text, kind = "") => h("span", { class: `tag ${kind}` }, text);

export function panel(title, beside, ...children) {
  return h("section", { class: "panel", "aria-label": title }, h("div", { class: "head" }, h("h2", {}, title), beside), ...children);
}

// Text of an error: what follows the first line is an excerpt with a caret below the fault, so its columns must align.
export function errorText(text) {
  const [first, ...rest] = text.split("\n");
  return rest.length ? [first, h("pre", { class: "excerpt" }, rest.join("\n"))] : [first];
}

// Frame of a table, never wider than the screen: on a narrow screen, each row is a card.
export const frame = () => h("div", { class: "frame" });

// Cell with a number. A zero is dimmed; any other number has the colour of `kind`.
export function number(value, kind = "") {
  const nothing = value === 0 || ["0", "0 %", "–"].includes(value);
  return h("td", { class: `number ${nothing ? "nothing" : kind}` }, typeof value === "string" ? value : whole(value));
}

// Columns whose names begin with # contain numbers, those with ~ charts. The roles are explicit, because a row that is laid out as a card loses its own.
export function tableOf(columns, rows, foot = null) {
  const names = columns.map((name) => name.replace(/^[#~]/, ""));
  const heads = names.map((name, at) => h("th", { scope: "col", role: "columnheader", class: { "#": "number", "~": "chart" }[columns[at][0]] }, name));
  for (const row of foot ? [...rows, foot] : rows) {
    row.setAttribute("role", "row");
    [...row.cells].forEach((cell, at) => {
      cell.setAttribute("role", "cell");
      if (names[at]) cell.setAttribute("data-label", names[at]);
    });
  }
  return h("table", { role: "table" }, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads)),
    h("tbody", { role: "rowgroup" }, ...rows), foot ? h("tfoot", { role: "rowgroup" }, foot) : null);
}

export function drawTable(element, columns, rows, empty, foot = null) {
  renew(element, rows.length ? tableOf(columns, rows, foot) : h("p", { class: "empty" }, empty));
}
