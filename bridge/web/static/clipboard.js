// Copying text. Browsers allow it to pages of HTTPS and of this machine only; elsewhere the text is shown, selected.
import { h } from "./dom.js";

// Returns true if the text was copied, false if it is shown.
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    show(text);
    return false;
  }
}

function show(text) {
  const field = h("textarea", { class: "code", rows: 16, readonly: true, "aria-label": "Text to copy", value: text });
  const dialog = h("dialog", { class: "copy", "aria-label": "Text to copy" },
    h("form", { method: "dialog" }, h("p", {}, "Without HTTPS, the browser does not let this page copy. Copy the selected text yourself."), field,
      h("div", { class: "row end" }, h("button", { class: "plain" }, "Close"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  field.focus();
  field.select();
}
