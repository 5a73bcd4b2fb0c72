// Dialogs with a question.
import { counted } from "./format.js";
import { h } from "./dom.js";

// Show a question with its details, and a button for each item [value, text, class] of `choices`. Resolves to the value
// of the pressed button, or to "" if the user cancels.
export function choice(question, details, choices) {
  const dialog = h("dialog", { "aria-labelledby": "question", class: "wide" },
    h("form", { method: "dialog" }, h("h2", { id: "question" }, question), h("div", { class: "details" }, details),
      h("div", { class: "row end" }, h("button", { class: "plain", value: "", autofocus: true }, "Cancel"),
        choices.map(([value, text, kind]) => h("button", { class: kind, value }, text)))));
  return shown(dialog, () => dialog.returnValue);
}

// Show the question whether to save a mapping although some of its tests fail. Resolves to true if the user agrees.
export async function confirmedFailingTests(tests) {
  const answer = await choice(`${counted(tests.length, "test")} of the mapping ${tests.length === 1 ? "fails" : "fail"}`,
    [h("ul", {}, tests.map((each) => h("li", {}, each.name))),
      h("p", {}, "The bridge does not load a file whose tests fail. If you save it, the last good version stays active until the tests pass.")], [["yes", "Save anyway", "danger"]]);
  return answer === "yes";
}

// Show a dialog with a field for a text. Resolves to the text, or to null if the user cancels. `fault(text)` returns
// the error in the text, or "" if the text is valid.
export function askText(question, label, value, verb, fault) {
  const field = h("input", { id: "wanted", class: "mono", value, autofocus: true, spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  const notice = h("p", { class: "notice bad", role: "alert" });
  const submit = (event) => {
    notice.textContent = event.submitter.value === "yes" ? fault(field.value.trim()) : "";
    if (notice.textContent) event.preventDefault();
  };
  const dialog = h("dialog", { "aria-labelledby": "question" },
    h("form", { method: "dialog", onsubmit: submit }, h("h2", { id: "question" }, question), h("div", { class: "field details" }, h("label", { for: "wanted" }, label), field), notice,
      h("div", { class: "row end" }, h("button", { value: "yes" }, verb), h("button", { class: "plain", value: "no" }, "Cancel"))));
  return shown(dialog, () => (dialog.returnValue === "yes" ? field.value.trim() : null));
}

// Show a question with a field for a note. Resolves to the note, which may be "", or to null if the user cancels.
export function askNote(question, details, verb) {
  const field = h("input", { id: "reason", placeholder: "Note for the history (optional)", "aria-label": "Note for the history", maxlength: 200, autofocus: true });
  const dialog = h("dialog", { "aria-labelledby": "question", class: "wide" },
    h("form", { method: "dialog" }, h("h2", { id: "question" }, question), h("div", { class: "details" }, details), h("div", { class: "field details" }, field),
      h("div", { class: "row end" }, h("button", { value: "yes" }, verb), h("button", { class: "plain", value: "no" }, "Cancel"))));
  return shown(dialog, () => (dialog.returnValue === "yes" ? field.value.trim() : null));
}

// Show a dialog. When it is closed, remove it and resolve to `result()`.
function shown(dialog, result) {
  dialog.returnValue = "";
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => { dialog.remove(); resolve(result()); });
  });
}
