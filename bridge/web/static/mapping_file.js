// File of a mapping, and the requests that read and change it. `text` is the text of the file when it was last read,
// and `textVersion` is the version of this text. `version` is the version of the file with which the edit began. If the
// file on disk has another version, the bridge refuses a change with status 409.
import { get, post, put } from "./event_stream.js";

// `loaded` polls the bridge at this interval, at most LOAD_TURNS times.
const LOAD_MS = 500;
const LOAD_TURNS = 20;
const RELOAD_TURNS = 6; // in the first turns, the response may have the problems of the previous text
const NAME = /^[\w-][\w.-]{0,127}$/;

// Return the reason why a new mapping cannot have a name, or "". The page checks the name so that the user sees the
// reason at once. The bridge checks the name again when the file is saved.
export function nameFault(name, taken) {
  if (!NAME.test(name)) return "Use 1 to 128 letters, digits, dots, dashes and underscores, without a dot at the beginning.";
  if (/\.ya?ml$/i.test(name)) return "Leave out .yaml: it is added.";
  const other = taken.find((each) => each.toLowerCase() === name.toLowerCase());
  return other ? `There is a mapping ${other} already.` : "";
}

// The text editor uses LF as line end. When the bridge saves a file, it restores the line ends of the file.
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

  // Wait until the bridge has loaded the text, at most some seconds. Return the response of the bridge about the file.
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

  // Store the text and the version of the file on disk, so that the next save may replace this file.
  adopt({ text, version }) { Object.assign(this, { text: lines(text), version: version || null, textVersion: version || null }); }
}

// Download a text as a file. Users do this if the page cannot change the folder of the mappings.
export function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
