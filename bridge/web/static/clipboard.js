// Copying text to the clipboard. Browsers allow this only with HTTPS, or if the page comes from the same machine. In
// other cases, the page shows the text, already selected, and the user copies it.
import { h } from "./dom.js";

// Copy a text. Resolves to true if it was copied, and to false if it is shown to the user instead.
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
