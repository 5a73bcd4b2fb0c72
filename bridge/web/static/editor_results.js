// Panels of the editor with the results of applying the mapping to the message.
import { fill, h, members } from "./dom.js";
import { pretty } from "./format.js";
import { mappingResult } from "./outcome.js";
import { tag } from "./components.js";

const UNAVAILABLE = "Not available while the mapping has errors.";

// Return an error without the excerpt and the caret at its end, because the editor itself marks the position.
export function withoutExcerpt(message) {
  const lines = message.split("\n");
  return (/^\s*\^\s*$/.test(lines.at(-1)) ? lines.slice(0, -2) : lines).join("\n");
}

// Draw the problems. Each problem has a button that moves the cursor to its position.
export function drawProblems(element, problems, goTo) {
  element.hidden = !problems.length;
  fill(element, problems.map((each) => h("div", { class: "problem-found" },
    h("button", { class: "link", onclick: () => goTo(each) }, each.line ? `line ${each.line}, column ${each.column}` : "the file"), " ",
    each.path ? h("span", { class: "mono" }, each.path) : null, h("p", {}, withoutExcerpt(each.message)), each.advice ? h("p", {}, each.advice) : null)));
}

export function drawTests(element, tests, broken) {
  if (broken) fill(element, h("p", { class: "quiet" }, UNAVAILABLE));
  else if (!tests.length) fill(element, h("p", { class: "quiet" }, "No tests. Add some under `tests`: `check` and each reload run them."));
  else fill(element, tests.map(outcome));
}

const outcome = (each) => h("div", { class: "field" }, tag(each.passed ? "passed" : "failed", each.passed ? "good" : "bad"), ` ${each.name}`, each.passed ? null : h("pre", {}, each.difference));

export function drawOutput(element, { problems, made: result }) {
  if (problems.length) fill(element, h("p", { class: "quiet" }, UNAVAILABLE));
  else fill(element, result ? mappingResult(result, pretty) : h("p", {}, tag("the topic does not match", "warn")));
}

export function drawSteps(element, { problems, steps }) {
  if (problems.length) fill(element, h("p", { class: "quiet" }, UNAVAILABLE));
  else fill(element, h("dl", { class: "steps" }, steps.flatMap(([label, text]) => [h("dt", {}, label), h("dd", { class: "mono" }, members(text))])));
}
