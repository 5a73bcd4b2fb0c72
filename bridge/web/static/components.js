// Panels, tags and tables for all views.
import { h, renew } from "./dom.js";
import { moment, whole } from "./format.js";

export const tag = (text, kind = "") => h("span", { class: `tag ${kind}` }, text);

export function panel(title, beside, ...children) {
  return h("section", { class: "panel", "aria-label": title }, h("div", { class: "head" }, h("h2", {}, title), beside), ...children);
}

// A panel that shows only its head on a narrow screen, until its button is pressed.
export function foldable(title, beside, ...children) {
  const button = h("button", { class: "plain fold", type: "button", "aria-expanded": "false", "aria-label": `Show ${title}` }, "Show");
  const made = h("section", { class: "panel foldable", "aria-label": title }, h("div", { class: "head" }, h("h2", {}, title), beside, button), h("div", { class: "folded" }, ...children));
  button.addEventListener("click", () => {
    const shown = made.classList.toggle("open");
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-expanded", String(shown));
    button.setAttribute("aria-label", `${button.textContent} ${title}`);
  });
  return made;
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

// Cell with a time. On a narrow screen the date is above the time of day.
export function when(at) {
  return h("td", { class: "when" }, moment(at).split(" ").flatMap((part, place) => [place ? " " : "", h("span", {}, part)]));
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
