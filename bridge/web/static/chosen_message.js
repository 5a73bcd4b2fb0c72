// A message of another view that the editor of a mapping opens with.
let chosen = null;

// Open the editor of a mapping with a message.
export function openWith(mapping, { topic, payload }) {
  chosen = { topic, payload };
  location.hash = `#/mappings/${encodeURIComponent(mapping)}`;
}

// Return the chosen message once; null if there is none.
export function chosenMessage() {
  const message = chosen;
  chosen = null;
  return message;
}
