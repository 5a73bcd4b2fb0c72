// Drafts: edited texts that are not saved. The browser stores them until the tab is closed, so they survive a reload.
const key = (name) => `mapping-draft:${name}`;

// `version` is the version of the file from which the draft was begun, or null if there was no file.
export function keepDraft(name, text, version) {
  try { sessionStorage.setItem(key(name), JSON.stringify({ text, version })); } catch { /* the storage is full or off: before the page is left, it shows a question about unsaved changes anyway */ }
}

export function draftOf(name) {
  try { return JSON.parse(sessionStorage.getItem(key(name))); } catch { return null; }
}

export function dropDraft(name) {
  try { sessionStorage.removeItem(key(name)); } catch { /* there is none */ }
}
