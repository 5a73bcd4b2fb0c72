// Check every few seconds whether the open file has changed on disk. If it has, the user may compare the texts, or use
// the text on disk.
import { confirmed, fill, h } from "./dom.js";
import { get, post } from "./event_stream.js";

const EVERY_MS = 3_000;

export class DiskWatch {
  // `editor` is the Editor. `saving` shows the differences and the result of an action.
  constructor(file, editor, saving) {
    Object.assign(this, { file, editor, saving });
    this.element = h("div", { role: "status" });
    this.timer = setInterval(() => { if (!document.hidden) this.look(); }, EVERY_MS);
  }

  leave() { clearInterval(this.timer); }

  async look() {
    if (this.file.isNew) return;
    const { version } = this.file;
    let found;
    try { found = await get(this.file.path); } catch (error) {
      if (error.status !== 404) return; // the header reports a bridge that does not respond
      found = { version: "" };
    }
    // If the editor has saved or reloaded the file since the request, the response is about an older version.
    if (this.editor.left || version !== this.file.version) return;
    if (found.version) this.editor.drawFile(found);
    this.show(found.version === version ? null : found);
  }

  // Show that the file has changed. `found` is the file on disk, or null if it has not changed.
  show(found) {
    const shown = found ? found.version : null;
    if (shown === (this.shown ?? null)) return;
    this.shown = shown;
    fill(this.element, !found ? null : h("div", { class: "notice warn on-disk" },
      found.version ? "The file has changed on disk. " : "The file was deleted on disk. This text exists only here.",
      found.version ? h("span", { class: "row" }, h("button", { class: "plain", onclick: () => this.compare() }, "Show differences"), h("button", { class: "plain", onclick: () => this.take() }, "Use the version on disk")) : null));
  }

  async compare() {
    try {
      await this.saving.resolve(await post(`${this.file.path}/compare`, { text: this.editor.text }));
      await this.look();
    } catch (error) { this.saving.say(error.message, "bad"); }
  }

  async take() {
    if (this.editor.isModified && !await confirmed("Discard your changes to this text?", "Discard")) return;
    try {
      this.file.adopt(await get(this.file.path));
    } catch (error) { this.saving.say(error.message, "bad"); return; }
    this.editor.reload(this.file.text);
    this.editor.history.load();
    await this.look();
    this.saving.say("Loaded the file from disk.");
  }
}
