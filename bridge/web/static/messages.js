// View of live messages. It shows a sample of the messages, each with the result of every mapping that matches its
// topic.
import { breakable, fill, h } from "./dom.js";
import { bytes, clock, counted, excerpt, integer, pretty } from "./format.js";
import { copyText } from "./clipboard.js";
import { known, listen, perSecond } from "./event_stream.js";
import { mappingTest } from "./mapping_test.js";
import { mappingResult } from "./outcome.js";
import { openWith } from "./chosen_message.js";
import { tag } from "./components.js";

const MAX_SHOWN = 20;
const PAUSE_MS = 400;
const RATE_MS = 5_000;
const OUTCOMES = { "": "any", records: "records", filtered: "filtered", "dead-letter": "dead letter", "no-mapping": "no mapping" };

export class Messages {
  constructor() {
    const field = (id, placeholder, more = {}) => h("input", { type: "search", id, placeholder, spellcheck: "false", autocapitalize: "off", oninput: () => this.soon(), ...more });
    this.filters = {
      topic: field("part", "part of the topic"), mapping: field("of-mapping", "any", { list: "known-mappings" }),
      outcome: h("select", { id: "outcome", onchange: () => this.soon() }, Object.entries(OUTCOMES).map(([value, name]) => h("option", { value }, name))),
      text: field("text", "part of the payload"),
    };
    const labels = { topic: "Topic", mapping: "Mapping", outcome: "Outcome", text: "Payload" };
    this.names = h("datalist", { id: "known-mappings" });
    this.list = h("div", { role: "feed", "aria-label": "Messages" });
    this.notice = h("p", { class: "empty" });
    this.pause = h("button", { class: "plain", "aria-pressed": "false", onclick: () => this.toggle() }, "Pause");
    this.expand = h("button", { class: "plain", "aria-pressed": "false", onclick: () => this.expandAll() }, "Expand all");
    this.status = h("span", { class: "quiet", "aria-live": "polite" });
    this.sample = h("span", { class: "quiet" });
    this.came = [];
    this.paused = this.expanded = false;
    this.end = () => {};
    this.element = h("div", {}, h("h1", {}, "Live messages (sampled)"), this.names,
      h("section", { class: "panel", "aria-label": "Live messages (sampled)" },
        h("div", { class: "body tools" }, h("div", { class: "filters" }, Object.entries(labels).map(([name, label]) => h("div", {}, h("label", { for: this.filters[name].id }, label), this.filters[name]))),
          h("div", { class: "row" }, this.pause, this.expand, this.sample, this.status)),
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
    const query = new URLSearchParams(Object.entries(this.filters).map(([name, input]) => [name, input.value]).filter(([, value]) => value));
    this.begun = false;
    this.end = listen(`/api/messages?${query}`, "messages", (messages) => this.arrived(messages));
  }

  clear() {
    this.end();
    fill(this.list);
    this.came = [];
    const filtered = Object.values(this.filters).some((input) => input.value);
    this.notice.hidden = false;
    this.list.hidden = true; // an element with the role `feed` must not be empty
    this.notice.textContent = filtered ? "Waiting for a message that matches the filters …" : "Waiting for messages …";
  }

  // Subscribe with the new filters after a pause in typing. The bridge filters before it takes the sample, because a
  // sample of all messages would seldom contain a rare message.
  soon() {
    this.clear();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.listen(), PAUSE_MS);
  }

  draw(state) {
    const names = state.mappings.map((each) => each.name);
    if (names.join() !== this.known) fill(this.names, names.map((value) => h("option", { value })));
    this.known = names.join();
    const since = performance.now() - RATE_MS;
    this.came = this.came.filter(([at]) => at > since);
    const shown = this.came.reduce((sum, [, count]) => sum + count, 0) / (RATE_MS / 1000);
    const received = perSecond((each) => each.received_messages, "messages");
    const rate = (value) => integer(value < 10 ? Math.ceil(value) : value);
    this.sample.textContent = received === undefined || this.paused || !shown ? "" : `sample: about ${rate(Math.min(shown, received))} of ${rate(received)} messages/s`;
  }

  toggle() {
    this.paused = !this.paused;
    this.pause.textContent = this.paused ? "Resume" : "Pause";
    this.pause.setAttribute("aria-pressed", String(this.paused));
    this.drawStatus();
    if (known.state) this.draw(known.state);
  }

  expandAll() {
    this.expanded = !this.expanded;
    this.expand.textContent = this.expanded ? "Collapse all" : "Expand all";
    this.expand.setAttribute("aria-pressed", String(this.expanded));
    for (const each of this.list.querySelectorAll("details")) each.open = this.expanded;
  }

  // Stop or continue the updates of the list. The list must not move while a finger, a pointer or the focus is on it.
  hold(holding) {
    this.holding = holding;
    this.drawStatus();
  }

  drawStatus() {
    this.status.textContent = this.paused ? "paused" : this.holding ? "paused while you interact" : "";
  }

  arrived(messages) {
    // The first messages were received before this view was opened, so they do not count for the rate.
    if (this.begun) this.came.push([performance.now(), messages.length]);
    this.begun = true;
    if (this.paused || this.holding || !messages.length) return;
    this.notice.hidden = true;
    this.list.hidden = false;
    this.list.prepend(...messages.reverse().map((each) => this.message(each)));
    while (this.list.childElementCount > MAX_SHOWN) this.list.lastElementChild.remove();
  }

  message(each) {
    const facts = [clock(each.at), bytes(each.bytes), `QoS ${each.qos}`, each.retain ? "retained" : null].filter(Boolean).join(" · ");
    const mapping = each.mappings.length ? each.mappings[0].mapping : "";
    // The content is created when the user opens the message, because most messages are never opened.
    const content = h("div", { class: "content" });
    const details = h("details", { ontoggle: () => { if (details.open && !content.firstChild) fill(content, this.content(each, mapping)); } },
      h("summary", {}, h("span", { class: "topic" }, breakable(each.topic)), " ", h("span", { class: "quiet facts" }, facts), h("span", { class: "outcomes" }, outcomes(each)),
        h("code", { class: "glance" }, excerpt(each.payload, 160))),
      content);
    details.open = this.expanded;
    return h("article", { class: "message", "aria-label": each.topic }, details);
  }

  content(each, mapping) {
    const copied = h("span", { class: "quiet", role: "status" });
    const copy = async () => { copied.textContent = await copiedAs(each); };
    return [h("div", {}, h("h3", {}, "Payload"), h("pre", { class: "payload" }, pretty(each.payload))),
      h("div", { class: "made" }, h("h3", {}, "Result"), each.mappings.length ? each.mappings.map((one) => mappingResult(one, pretty)) : h("p", { class: "quiet" }, "No mapping matches this topic.")),
      mapping ? h("div", { class: "row whole" }, h("button", { class: "plain", onclick: () => openWith(mapping, each) }, "Open in the editor"),
        h("button", { class: "plain", onclick: copy }, "Copy as mapping test"), copied) : null];
  }
}

// Return tags with the outcome of each mapping.
function outcomes(each) {
  if (!each.mappings.length) return tag("no mapping", "warn");
  return each.mappings.flatMap((one) => {
    const records = one.records.length + one.more;
    const found = [records ? tag(`${one.mapping}: ${counted(records, "record")}`, "good") : null, ...one.rejections.map((rejection) => tag(`${one.mapping}: dead letter (${rejection.code})`, "bad"))].filter(Boolean);
    return found.length ? found : [tag(`${one.mapping}: filtered`)];
  });
}

async function copiedAs(each) {
  const { text, problem } = mappingTest(each, each.mappings[0]);
  if (!text) return problem;
  return (await copyText(text)) ? `Copied: paste it under tests: of ${each.mappings[0].mapping}.` : "";
}
