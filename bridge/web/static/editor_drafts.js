// Texts that are edited and not saved. They survive a reload of the tab, and end with it.
const key = (name) => `mapping-draft:${name}`;

// `version` is that of the file which the draft was begun with; null: there is no file yet.
export function keepDraft(name, text, version) {
  try { sessionStorage.setItem(key(name), JSON.stringify({ text, version })); } catch { /* storage is full or off: leaving shows a question all the same */ }
}

export function draftOf(name) {
  try { return JSON.parse(sessionStorage.getItem(key(name))); } catch { return null; }
}

export function dropDraft(name) {
  try { sessionStorage.removeItem(key(name)); } catch { /* there is none */ }
}
