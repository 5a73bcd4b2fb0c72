// Functions that create elements. They never interpret a text as markup, because texts of messages, topics and files
// may be hostile.

const there = (child) => child !== null && child !== undefined && child !== false;

// Return an element with attributes, event listeners (`onclick` and others) and children. A child is a node or a text,
// and children may be in lists. A missing child or attribute (null, undefined or false) is omitted.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (!there(value)) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter(there));
  return element;
}

export const members = (text) => breakable(text, /(?<=[,{}[\]])/);

// Replace the content of an element by `children`.
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(2).filter(there));
}

// Replace the content of an element like `fill`, but change only the nodes that differ. So an update each second does
// not disturb a selected text or the focus. The content must have no event listeners, because `renew` does not update
// them.
export function renew(element, ...children) {
  const fresh = element.cloneNode(false);
  fill(fresh, ...children);
  renewChildren(element, fresh);
}

// Elements with the same `data-key` are treated as the same element. So a link in a table row keeps its focus and its
// position below the pointer when other rows appear or disappear.
function renewChildren(old, fresh) {
  const wanted = [...fresh.childNodes];
  const keys = new Set(wanted.map(keyOf));
  for (const node of [...old.childNodes]) if (keyOf(node) && !keys.has(keyOf(node))) node.remove();
  const keyed = new Map([...old.childNodes].map((node) => [keyOf(node), node]));
  wanted.forEach((node, at) => {
    const key = keyOf(node);
    if (key && old.childNodes[at] !== keyed.get(key)) old.insertBefore(keyed.get(key) || node, old.childNodes[at]);
    const present = old.childNodes[at];
    if (!present) old.append(node);
    else if (present.nodeName !== node.nodeName) present.replaceWith(node);
    else if (node.nodeType === Node.TEXT_NODE) { if (present.data !== node.data) present.data = node.data; }
    else if (present !== node) { renewAttributes(present, node); renewChildren(present, node); }
  });
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}

const keyOf = (node) => (node.dataset && node.dataset.key) || "";

function renewAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

// Return a text that the browser may break between the levels of a topic, but not within a word. `after` matches the
// places for breaks: `members` permits breaks between the members of JSON.
export function breakable(text, after = /(?<=[/._])/) {
  return String(text).split(after).flatMap((part, at) => (at ? [document.createElement("wbr"), part] : [part]));
}

// Show a confirmation dialog. Resolves to true if the user confirms.
export function confirmed(question, verb) {
  const dialog = h("dialog", { "aria-labelledby": "question" },
    h("form", { method: "dialog" }, h("p", { id: "question" }, question),
      h("div", { class: "row end" }, h("button", { class: "plain", value: "no", autofocus: true }, "Cancel"), h("button", { class: "danger", value: "yes" }, verb))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
  });
}
