// Panels, tags and tables for all views.
import { h, renew } from "./dom.js";
import { integer, moment } from "./format.js";

export const tag = (text, kind = "") => h("span", { class: `tag ${kind}` }, text);

export function panel(title, beside, ...children) {
  return h("section", { class: "panel", "aria-label": title }, h("div", { class: "head" }, h("h2", {}, title), beside), ...children);
}

// Panel whose content is folded on a narrow screen. A button unfolds it.
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

// Return the nodes for the text of an error. The lines after the first are an excerpt of a file, with a caret below the
// fault. They need a monospaced font, so that the caret is below the right character.
export function errorText(text) {
  const [first, ...rest] = text.split("\n");
  return rest.length ? [first, h("pre", { class: "excerpt" }, rest.join("\n"))] : [first];
}

// Return the frame of a table. It scrolls if the table is wider than the screen. On a narrow screen, each row is a
// card.
export const frame = () => h("div", { class: "frame" });

// Return a cell with a number. A zero is dimmed, and any other number has the colour of `kind`.
export function number(value, kind = "") {
  const nothing = value === 0 || ["0", "0 %", "–"].includes(value);
  return h("td", { class: `number ${nothing ? "nothing" : kind}` }, typeof value === "string" ? value : integer(value));
}

// Return a cell with a time. Date and time of day are separate elements, so that a narrow cell breaks between them.
export function when(at) {
  return h("td", { class: "when" }, moment(at).split(" ").flatMap((part, place) => [place ? " " : "", h("span", {}, part)]));
}

// Return a table. If the name of a column begins with #, the column contains numbers. If it begins with ~, the column
// contains charts. The roles are set explicitly: when rows are laid out as cards, browsers remove the implicit roles.
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
