// Drafts: edited texts that are not saved. The browser stores them until the tab is closed, also when the page is
// loaded again.
const key = (name) => `mapping-draft:${name}`;

// `version` is the version of the file with which the draft began, or null if there was no file.
export function keepDraft(name, text, version) {
  try { sessionStorage.setItem(key(name), JSON.stringify({ text, version })); } catch { /* The storage is full or off. The text is not lost unnoticed, because the browser warns before it leaves the page. */ }
}

export function draftOf(name) {
  try { return JSON.parse(sessionStorage.getItem(key(name))); } catch { return null; }
}

export function dropDraft(name) {
  try { sessionStorage.removeItem(key(name)); } catch { /* there is none */ }
}
