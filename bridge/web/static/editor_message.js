// Message to which the editor applies the mapping: a topic and a payload that the user types, pastes, or chooses from
// the live messages.
import { h } from "./dom.js";
import { content } from "./format.js";
import { panel } from "./components.js";

export class MessageForm {
  constructor(message, changed) {
    this.changed = changed;
    this.topic = h("input", { class: "mono", id: "topic", spellcheck: "false", autocapitalize: "off", oninput: changed });
    this.payload = h("textarea", { class: "code", rows: 5, id: "payload", spellcheck: "false", autocapitalize: "off", oninput: () => { this.base64 = null; changed(); } });
    this.element = panel("Message", h("span", { class: "quiet" }, "type, paste, or choose one below"), h("div", { class: "body" },
      h("div", { class: "field" }, h("label", { for: "topic" }, "Topic"), this.topic),
      h("div", { class: "field" }, h("label", { for: "payload" }, "Payload"), this.payload)));
    this.put(message);
  }

  // Show a message in the fields. A binary payload is shown as base64. Its bytes are stored and sent to the bridge
  // until the user edits the text.
  put({ topic, payload, qos, retain }) {
    this.topic.value = topic;
    this.payload.value = content(payload);
    this.base64 = payload.base64 === undefined ? null : payload.base64;
    this.flags = { qos: qos ?? 1, retain: Boolean(retain) };
  }

  choose(message) {
    this.put(message);
    this.changed();
  }

  get value() {
    const payload = this.base64 === null ? { payload: this.payload.value } : { payload_base64: this.base64 };
    return { topic: this.topic.value, ...payload, ...this.flags };
  }
}
