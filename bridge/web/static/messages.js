// Some of the messages as they come, each with the records that the mappings make of it.
import { fill, h } from "./dom.js";
import { bytes, content } from "./format.js";
import { panel } from "./overview.js";
import { take } from "./mappings.js";

const KEPT = 40;

export class Messages {
  constructor() {
    this.list = h("div", { "aria-live": "off" }, h("p", { class: "empty" }, "Waiting for messages …"));
    this.filter = h("input", { type: "search", placeholder: "part of a topic", "aria-label": "Show only topics with this in them" });
    this.pause = h("button", { class: "plain", onclick: () => this.toggle() }, "Pause");
    this.messages = [];
    this.paused = false;
    this.element = h("div", {}, h("h1", {}, "Messages as they come"),
      panel("A few of each second, with what becomes of them", h("div", { class: "row" }, this.filter, this.pause), this.list));
    this.events = new EventSource("/api/messages");
    this.events.addEventListener("messages", (event) => this.came(JSON.parse(event.data)));
    this.filter.addEventListener("input", () => this.draw());
  }

  leave() { this.events.close(); }

  toggle() {
    this.paused = !this.paused;
    this.pause.textContent = this.paused ? "Go on" : "Pause";
  }

  came(messages) {
    if (this.paused || !messages.length) return;
    this.messages = [...messages.reverse(), ...this.messages].slice(0, KEPT);
    this.draw(null, true);
  }

  draw(_state, fresh = false) {
    if (_state && !fresh) return;
    const wanted = this.filter.value;
    const shown = this.messages.filter((each) => each.topic.includes(wanted));
    if (shown.length) fill(this.list, ...shown.map(message));
    else if (this.messages.length) fill(this.list, h("p", { class: "empty" }, "None of the last messages has that in its topic."));
  }
}

function message(each) {
  const mapping = each.mappings.length ? each.mappings[0].mapping : "";
  return h("article", { class: "message" },
    h("div", { class: "meta" }, h("span", { class: "topic" }, each.topic),
      h("span", { class: "quiet" }, `${each.at.slice(11, 23)} · ${bytes(each.bytes)} · QoS ${each.qos}${each.retain ? " · retained" : ""}`),
      h("button", { class: "link", onclick: () => take(mapping, each.topic, each.payload) }, "Try in the playground")),
    h("pre", {}, content(each.payload)),
    h("div", { class: "made" }, each.mappings.length ? each.mappings.map(made) : h("p", { class: "quiet" }, "No mapping matches this topic.")));
}

export function made(each) {
  const name = each.mapping ? h("strong", {}, `${each.mapping} `) : null;
  const note = each.remembers ? h("span", { class: "quiet" }, "shown without `changes` and `sample`") : null;
  const records = each.records.map((record) => h("div", {},
    h("span", { class: "tag good" }, record.stream), " ", h("span", { class: "quiet" }, record.key === null ? "any shard" : `key ${record.key}`), ` · ${bytes(record.bytes)}`,
    h("pre", {}, content(record.data))));
  const rejections = each.rejections.map((rejection) => h("div", {},
    h("span", { class: "tag bad" }, `dead letter: ${rejection.code}`), " ", rejection.item === null ? "" : `item ${rejection.item}: `, h("span", { class: "wrap" }, rejection.detail)));
  const none = !records.length && !rejections.length ? h("span", { class: "tag" }, "filtered: nothing is sent") : null;
  return h("div", {}, name, note, ...records, ...rejections, none, each.more ? h("p", { class: "quiet" }, `and ${each.more} records more`) : null);
}
