// The file of a mapping: requests that read and change it. `version` is that which the edit began with; a change on disk
// since then makes the bridge refuse the request with status 409. `textVersion` is that of `text`, as last read.
import { get, post, put } from "./event_stream.js";

const LOAD_MS = 500;
const LOAD_TURNS = 20;
const RELOAD_TURNS = 6; // problems that are reported earlier can be those of the previous text
const NAME = /^[\w-][\w.-]{0,127}$/;

// Return what is wrong with the name of a new file, or "". The bridge has the last word.
export function nameFault(name, taken) {
  if (!NAME.test(name)) return "Use 1 to 128 letters, digits, dots, dashes and underscores, without a dot at the beginning.";
  if (/\.ya?ml$/i.test(name)) return "Leave out .yaml: it is added.";
  const other = taken.find((each) => each.toLowerCase() === name.toLowerCase());
  return other ? `There is a mapping ${other} already.` : "";
}

// The text editor knows one kind of line end. The bridge writes the kind that the file had.
const lines = (text) => (text || "").replace(/\r\n?/g, "\n");

export class MappingFile {
  constructor({ name, file, text, version, editable, why_not: whyNot }) {
    Object.assign(this, { name, file, text: lines(text), version, textVersion: version, editable, whyNot });
    this.path = `/api/mappings/${encodeURIComponent(name)}`;
  }

  get isNew() { return this.version === null; }

  async save(text, note, forceTests) {
    const { version, tests } = await put(this.path, { text, version: this.version, note, force_tests: forceTests });
    this.adopt({ text, version });
    return tests;
  }

  // `action`: rename, disable, enable or delete.
  change(action, details = {}) { return post(`${this.path}/${action}`, { version: this.version, ...details }); }

  // Wait until the bridge has loaded the text; return the file as it is then, or as it is after some seconds.
  async loaded() {
    for (let turn = 0; ; turn += 1) {
      const mapping = await get(this.path);
      const isSettled = mapping.live || !mapping.enabled || mapping.version !== this.version || (mapping.problems.length && turn >= RELOAD_TURNS);
      if (isSettled || turn === LOAD_TURNS) return mapping;
      await new Promise((resolve) => { setTimeout(resolve, LOAD_MS); });
    }
  }

  async history() { return this.isNew ? [] : (await get(`${this.path}/history`)).entries; }

  earlier(id) { return get(`${this.path}/history/${encodeURIComponent(id)}`); }

  // Compare from now on with the text on disk: the next save replaces it.
  adopt({ text, version }) { Object.assign(this, { text: lines(text), version: version || null, textVersion: version || null }); }
}

// Save a text as a file of the browser, where the folder of the mappings cannot be changed.
export function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
