// What could not be delivered, and why; replayed or deleted where a token is set.
import { fill, h } from "./dom.js";
import { bytes, pretty, whole } from "./format.js";
import { get, known, post } from "./main.js";
import { take } from "./mappings.js";
import { panel, table } from "./overview.js";

const PAGE = 50;

export class Letters {
  constructor() {
    this.code = h("select", { id: "code", onchange: () => this.load() }, h("option", { value: "" }, "every code"));
    this.worker = h("select", { id: "of-worker", onchange: () => this.load() });
    this.ofWorker = h("div", { hidden: true }, h("label", { for: "of-worker" }, "Worker"), this.worker);
    this.mapping = h("input", { id: "of-mapping", placeholder: "any", onchange: () => this.load() });
    this.topic = h("input", { id: "of-topic", placeholder: "any part of it", onchange: () => this.load() });
    this.list = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Dead letters" });
    this.detail = h("div");
    this.said = h("p", { class: "quiet", role: "status" });
    this.actions = h("div", { class: "row" });
    this.more = h("button", { class: "plain", hidden: true, onclick: () => this.load(this.letters.at(-1).number) }, "Older ones");
    this.chosen = new Set();
    this.letters = [];
    this.element = h("div", {}, h("h1", {}, "Dead letters"),
      panel("What could not be delivered, newest first", null,
        h("div", { class: "body" }, h("div", { class: "row" }, this.ofWorker,
          h("div", {}, h("label", { for: "code" }, "Code"), this.code),
          h("div", {}, h("label", { for: "of-mapping" }, "Mapping"), this.mapping),
          h("div", {}, h("label", { for: "of-topic" }, "Topic"), this.topic)), this.said, this.actions),
        this.list, h("div", { class: "body" }, this.more)),
      this.detail);
    this.load();
  }

  go([number]) { if (number) this.open(Number(number)); }

  draw(state) {
    if (state.workers.length && this.ofWorker.hidden) this.drawWorkers(state.workers);
    if (this.count !== state.dead_letter_count && this.letters.length < PAGE + 1) this.load();
    this.count = state.dead_letter_count;
    if (this.writable !== state.writable) { this.writable = state.writable; this.drawActions(); }
  }

  async load(before = 0) {
    const asked = new URLSearchParams({ worker: this.worker.value, code: this.code.value, mapping: this.mapping.value, topic: this.topic.value, before, limit: PAGE });
    try {
      const told = await get(`/api/letters?${asked}`);
      this.letters = before ? [...this.letters, ...told.letters] : told.letters;
      this.more.hidden = told.letters.length < PAGE;
      this.drawCodes(told.codes);
      this.drawList();
    } catch (error) { this.said.textContent = error.message; }
  }

  // Each worker counts its dead letters by itself: one is looked at at a time, first the one with most.
  drawWorkers(workers) {
    this.ofWorker.hidden = false;
    fill(this.worker, ...workers.map((each) => h("option", { value: each.number }, each.name)));
    this.worker.value = [...workers].sort((a, b) => b.dead_letter_count - a.dead_letter_count)[0].number;
    this.load();
  }

  drawCodes(codes) {
    const value = this.code.value;
    fill(this.code, h("option", { value: "" }, "every code"), ...Object.entries(codes).map(([code, count]) => h("option", { value: code }, `${code} (${whole(count)})`)));
    this.code.value = value;
  }

  drawList() {
    const there = new Set(this.letters.map((each) => each.number));
    this.chosen = new Set([...this.chosen].filter((number) => there.has(number)));
    const rows = this.letters.map((each) => h("tr", {},
      this.writable ? h("td", {}, h("input", { type: "checkbox", "aria-label": `choose ${each.number}`, checked: this.chosen.has(each.number),
        onchange: (event) => { if (event.target.checked) this.chosen.add(each.number); else this.chosen.delete(each.number); this.drawActions(); } })) : null,
      h("td", { class: "number" }, h("a", { href: `#/letters/${each.number}` }, String(each.number))),
      h("td", {}, each.at.slice(0, 19).replace("T", " ")), h("td", {}, h("span", { class: "tag bad" }, each.code)),
      h("td", {}, each.mapping || "–"), h("td", { class: "wide" }, each.topic || each.streams.join(", ")), h("td", { class: "wide" }, each.detail)));
    const columns = ["#Number", "Received (UTC)", "Code", "Mapping", "Topic", "Why"];
    table(this.list, this.writable ? ["Choose", ...columns] : columns, rows, "There are none. Every message became a record, or was filtered by a rule.");
    this.drawActions();
  }

  drawActions() {
    if (!this.writable) {
      fill(this.actions, this.letters.length ? h("p", { class: "quiet" }, "Read-only here: set http.token to replay and delete from this page, or use `mqtt-kinesis dead-letters replay`.") : null);
      return;
    }
    const numbers = [...this.chosen];
    fill(this.actions,
      h("button", { class: "plain", onclick: () => { this.chosen = new Set(this.letters.map((each) => each.number)); this.drawList(); } }, "Choose all shown"),
      h("button", { disabled: !numbers.length, onclick: () => this.act("replay", numbers) }, `Replay ${numbers.length || ""}`),
      h("button", { class: "danger", disabled: !numbers.length, onclick: () => { if (confirm(`Delete ${numbers.length} dead letters for good?`)) this.act("delete", numbers); } }, `Delete ${numbers.length || ""}`));
  }

  async act(action, numbers) {
    try {
      const { counts, reasons } = await post(`/api/letters/${action}`, this.worker.value ? { numbers, worker: Number(this.worker.value) } : { numbers });
      const told = Object.entries(counts).map(([name, count]) => `${whole(count)} ${name}`).join(", ");
      const why = Object.keys(reasons).slice(0, 3).join("; ");
      this.said.textContent = why ? `${told}: ${why}` : told;
      this.chosen.clear();
      fill(this.detail);
      await this.load();
    } catch (error) { this.said.textContent = error.message; }
  }

  async open(number) {
    try {
      const each = await get(`/api/letters/${number}?${new URLSearchParams({ worker: this.worker.value })}`);
      const facts = { Why: `${each.code}: ${each.detail}`, Mapping: each.mapping || "(none)", Streams: each.streams.join(", ") || "(none)",
        Received: each.at, Topic: each.topic, Key: each.key, Item: each.item, QoS: each.kind === "message" ? `${each.qos}${each.retain ? ", retained" : ""}` : null,
        Properties: Object.keys(each.properties).length ? JSON.stringify(each.properties) : null,
        Payload: bytes(each.bytes) + (each.kept_bytes < each.bytes ? `, of which the first ${bytes(each.kept_bytes)} were kept` : "") };
      const shown = Object.entries(facts).filter(([, value]) => value !== null && value !== "" && value !== undefined);
      fill(this.detail, panel(`Dead letter ${each.number}`,
        each.kind === "message" && known.state ? h("button", { class: "plain", onclick: () => take(each.mapping, each.topic, each.payload) }, "Try in the playground") : null,
        h("div", { class: "body" }, h("dl", { class: "steps" }, ...shown.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))])),
          h("h3", {}, "Payload"), h("pre", {}, pretty(each.payload)))));
      this.detail.scrollIntoView({ block: "nearest" });
    } catch (error) { fill(this.detail, h("p", { class: "empty" }, error.message)); }
  }
}
