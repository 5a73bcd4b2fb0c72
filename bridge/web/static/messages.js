// Live messages (a sample), each with the records that the mappings make of it.
import { openWith } from "./chosen_message.js";
import { breakable, fill, h, members } from "./dom.js";
import { bytes, clock, excerpt } from "./format.js";
import { listen } from "./event_stream.js";
import { made } from "./outcome.js";
import { panel } from "./components.js";

const MAX_SHOWN = 20;
const PAUSE_MS = 400;

export class Messages {
  constructor() {
    this.list = h("div", { role: "feed", "aria-label": "Messages" });
    this.notice = h("p", { class: "empty" });
    this.filter = h("input", { type: "search", id: "part", placeholder: "part of a topic, such as press07", "aria-label": "Filter messages by topic", spellcheck: "false", oninput: () => this.soon() });
    this.pause = h("button", { class: "plain", "aria-pressed": "false", onclick: () => this.toggle() }, "Pause");
    this.status = h("span", { class: "quiet", "aria-live": "polite" });
    this.paused = false;
    this.end = () => {};
    this.element = h("div", {}, h("h1", {}, "Live messages (sampled)"),
      h("section", { class: "panel", "aria-label": "Live messages (sampled)" },
        h("div", { class: "head tools" }, this.filter, this.pause, this.status),
        this.notice, this.list));
    this.list.addEventListener("pointerenter", () => this.hold(true));
    this.list.addEventListener("pointerleave", () => this.hold(this.list.contains(document.activeElement)));
    this.list.addEventListener("focusin", () => this.hold(true));
    this.list.addEventListener("focusout", (event) => { if (!this.list.contains(event.relatedTarget)) this.hold(false); });
    this.listen();
  }

  leave() { clearTimeout(this.waiting); this.end(); }

  listen() {
    this.clear();
    const query = new URLSearchParams({ topic: this.filter.value });
    this.end = listen(`/api/messages?${query}`, "messages", (messages) => this.came(messages));
  }

  clear() {
    this.end();
    fill(this.list);
    this.notice.hidden = false;
    this.notice.textContent = this.filter.value ? `Waiting for a message with “${this.filter.value}” in its topic …` : "Waiting for messages …";
  }

  // The bridge filters by topic, so that a rare topic is found among thousands.
  soon() {
    this.clear();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.listen(), PAUSE_MS);
  }

  toggle() {
    this.paused = !this.paused;
    this.pause.textContent = this.paused ? "Resume" : "Pause";
    this.pause.setAttribute("aria-pressed", String(this.paused));
    this.drawStatus();
  }

  // The list does not move while a finger, a pointer or the focus is on it.
  hold(holding) {
    this.holding = holding;
    this.drawStatus();
  }

  drawStatus() {
    this.status.textContent = this.paused ? "paused" : this.holding ? "paused while you interact" : "";
  }

  came(messages) {
    if (this.paused || this.holding || !messages.length) return;
    this.notice.hidden = true;
    this.list.prepend(...messages.reverse().map(message));
    while (this.list.childElementCount > MAX_SHOWN) this.list.lastElementChild.remove();
  }
}

function message(each) {
  const mapping = each.mappings.length ? each.mappings[0].mapping : "";
  const facts = [clock(each.at), bytes(each.bytes), `QoS ${each.qos}`, each.retain ? "retained" : null].filter(Boolean).join(" · ");
  return h("article", { class: "message", "aria-label": each.topic },
    h("div", { class: "meta" }, h("span", { class: "topic" }, breakable(each.topic)), h("span", { class: "quiet" }, facts),
      mapping ? h("button", { class: "link", onclick: () => openWith(mapping, each) }, "Try in the playground") : null),
    h("pre", { class: "payload" }, members(excerpt(each.payload))),
    h("div", { class: "made" }, each.mappings.length ? each.mappings.map((one) => made(one, excerpt)) : h("p", { class: "quiet" }, "No mapping matches this topic.")));
}
