// Message that the user has chosen in another view, to try it in the editor of a mapping.
let chosen = null;

// Open the editor of a mapping. The editor then takes the message by `chosenMessage`.
export function openWith(mapping, { topic, payload }) {
  chosen = { topic, payload };
  location.hash = `#/mappings/${encodeURIComponent(mapping)}`;
}

// Return the chosen message, or null if there is none. Later calls return null, so the next editor begins without it.
export function chosenMessage() {
  const message = chosen;
  chosen = null;
  return message;
}
