// Message that the user has chosen in another view, to try it in the editor of a mapping.
let chosen = null;

// Open the editor of a mapping. The editor then calls `chosenMessage` to get the message.
export function openWith(mapping, { topic, payload }) {
  chosen = { topic, payload };
  location.hash = `#/mappings/${encodeURIComponent(mapping)}`;
}

// Return the chosen message, or null if there is none. Then forget it, so that the next editor does not use it.
export function chosenMessage() {
  const message = chosen;
  chosen = null;
  return message;
}
