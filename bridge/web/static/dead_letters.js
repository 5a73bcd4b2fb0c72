// Groups and table of the dead letters. Users with the role `edit` can replay and delete dead letters.
import { DeadLetterGroups, groupOf, hashOf, summary, withoutCode } from "./dead_letter_groups.js";
import { breakable, confirmed, fill, h } from "./dom.js";
import { counted, integer } from "./format.js";
import { get, known, mayEdit, post } from "./event_stream.js";
import { deadLetter } from "./dead_letter.js";
import { frame, tableOf, tag, when } from "./components.js";

const PAGE = 25;
const FILTERS = ["code", "mapping", "stream", "topic"];
const RELOAD_MS = 5_000;
const ACTIONS = { replay: "Replay", delete: "Delete" };

export class DeadLetters {
  constructor() {
    const field = (id, placeholder) => h("input", { id, placeholder, spellcheck: "false", autocapitalize: "off", list: placeholder === "any" ? `${id}s` : null, onchange: () => this.load() });
    this.filters = { code: h("select", { id: "code", onchange: () => this.load() }), mapping: field("mapping", "any"), stream: field("stream", "any"), topic: field("topic", "part of the topic") };
    this.worker = h("select", { id: "worker", onchange: () => this.loadAll() });
    this.ofWorker = h("div", { hidden: true }, h("label", { for: "worker" }, "Worker"), this.worker);
    this.names = { mapping: h("datalist", { id: "mappings" }), stream: h("datalist", { id: "streams" }) };
    this.groups = new DeadLetterGroups(() => this.worker.value, () => this.load());
    this.group = null;
    this.loadedAt = -RELOAD_MS;
    this.ofGroup = h("p", { class: "of-group", hidden: true });
    this.list = frame();
    this.notice = h("p", { class: "notice", role: "status" });
    this.actions = h("div", { class: "row" });
    this.newer = h("button", { class: "link", hidden: true, onclick: () => this.loadAll() }, "Show newer");
    this.more = h("button", { class: "plain", hidden: true, onclick: () => this.load(this.deadLetters.at(-1).number) }, "Load older");
    this.detail = h("div", { class: "alone" });
    this.chosen = new Set();
    this.deadLetters = [];
    const labels = { code: "Code", mapping: "Mapping", stream: "Stream", topic: "Topic" };
    this.element = h("div", {}, h("h1", {}, "Dead letters"), this.names.mapping, this.names.stream, this.groups.element, this.detail,
      h("section", { class: "panel", "aria-label": "Dead letters" },
        h("div", { class: "body tools" }, h("div", { class: "filters" }, this.ofWorker, FILTERS.map((name) => h("div", { class: "of-all" }, h("label", { for: name }, labels[name]), this.filters[name]))),
          this.ofGroup, this.actions, this.notice, this.newer),
        this.list, h("div", { class: "foot" }, this.more)));
    if (known.state) this.draw(known.state); else this.loadAll();
  }

  // Show the dead letter or the group that the URL names. When the user opens a dead letter of a group, the group stays
  // open.
  go([first, ...rest]) {
    const group = first === "group" ? groupOf(rest) : first ? this.group : null;
    this.number = first && first !== "group" ? Number(first) : null;
    const another = (group && hashOf(group)) !== (this.group && hashOf(this.group));
    this.group = group;
    if (another) this.showGroup();
    this.open();
    return false;
  }

  showGroup() {
    this.groups.show(this.group);
    for (const each of this.element.querySelectorAll(".of-all")) each.hidden = Boolean(this.group);
    this.ofGroup.hidden = !this.group;
    if (this.group) fill(this.ofGroup, "Dead letters of the group ", h("strong", {}, this.group.reason || "no reason"), " ", h("a", { href: "#/dead-letters" }, "Show all"));
    this.chosen.clear();
    this.load();
  }

  get home() { return this.group ? hashOf(this.group) : "#/dead-letters"; }

  loadAll() {
    this.loadedAt = performance.now();
    this.groups.load();
    this.load();
  }

  draw(state) {
    if (state.workers.length && this.ofWorker.hidden) this.drawWorkers(state.workers);
    // Reading many dead letters takes a second, so do not read them again for each new dead letter.
    if (this.count === state.dead_letter_count || performance.now() - this.loadedAt < RELOAD_MS) return;
    this.changed(state);
    this.count = state.dead_letter_count;
  }

  // Load new dead letters. While the user reads or selects, only show a button for this, so that the rows do not move.
  changed(state) {
    for (const [name, rows] of [["mapping", state.mappings.map((each) => each.name)], ["stream", state.streams.map((each) => each.stream)]])
      fill(this.names[name], rows.map((value) => h("option", { value })));
    const busy = this.chosen.size || this.number || this.list.contains(document.activeElement);
    const more = state.dead_letter_count - (this.count ?? 0);
    if (busy && more > 0) this.newer.hidden = false; else this.loadAll();
  }

  path(before) {
    if (!this.group) return `/api/dead-letters?${this.query(before)}`;
    return `/api/dead-letters/group?${new URLSearchParams({ worker: this.worker.value, ...this.group, before, limit: PAGE })}`;
  }

  query(before = 0) {
    const filters = Object.fromEntries(FILTERS.map((name) => [name, this.filters[name].value]));
    return new URLSearchParams({ worker: this.worker.value, ...filters, before, limit: PAGE });
  }

  // Load the newest dead letters, or those that are older than the number `before`.
  async load(before = 0) {
    // If several requests overlap, only the response to the last one is shown.
    const turn = this.turn = (this.turn || 0) + 1;
    try {
      const result = await get(this.path(before));
      if (turn !== this.turn) return;
      this.deadLetters = before ? [...this.deadLetters, ...result.dead_letters] : result.dead_letters;
      this.more.hidden = result.dead_letters.length < PAGE;
      this.newer.hidden = true;
      this.matching = result.matching || 0;
      if (result.codes) this.drawCodes(result.codes);
      this.drawList();
    } catch (error) { this.say(error.message, true); }
  }

  say(text, wrong = false) {
    this.notice.textContent = text;
    this.notice.className = `notice ${wrong ? "bad" : ""}`;
  }

  // Two workers may have dead letters with the same number, so the table shows one worker at a time. At first this is
  // the worker with the most dead letters.
  drawWorkers(workers) {
    this.ofWorker.hidden = false;
    fill(this.worker, workers.map((each) => h("option", { value: each.number }, `${each.name} (${integer(each.dead_letter_count)})`)));
    this.worker.value = [...workers].sort((a, b) => b.dead_letter_count - a.dead_letter_count)[0].number;
  }

  drawCodes(codes) {
    const { value } = this.filters.code;
    fill(this.filters.code, h("option", { value: "" }, "any"), Object.entries(codes).map(([code, count]) => h("option", { value: code }, `${code} (${integer(count)})`)));
    this.filters.code.value = codes[value] ? value : "";
  }

  drawList() {
    // If the open dead letter has no row in the table, show it above the table.
    const there = new Set(this.deadLetters.map((each) => each.number));
    if (this.number && !there.has(this.number)) fill(this.detail, this.opened);
    const rows = this.deadLetters.flatMap((each) => [this.row(each), each.number === this.number ? this.openRow() : null]).filter(Boolean);
    const columns = ["#Number", "Received (UTC)", "Topic", "Why"];
    const filtered = FILTERS.some((name) => this.filters[name].value);
    const none = filtered ? "No dead letter matches the filter." : "No dead letters. Every message became a record, or was filtered by a rule.";
    fill(this.list, rows.length ? tableOf(mayEdit() ? ["Select", ...columns] : columns, rows) : h("p", { class: "empty" }, none));
    this.drawActions();
  }

  row(each) {
    const choose = (event) => { if (event.target.checked) this.chosen.add(each.number); else this.chosen.delete(each.number); this.drawActions(); };
    return h("tr", { class: `of-dead-letter ${each.number === this.number ? "open" : ""}` },
      mayEdit() ? h("td", { class: "choose" }, h("label", {}, h("input", { type: "checkbox", "aria-label": `Select ${each.number}`, checked: this.chosen.has(each.number), onchange: choose }))) : null,
      h("td", { class: "number" }, h("a", { href: each.number === this.number ? this.home : `#/dead-letters/${each.number}`, "aria-expanded": String(each.number === this.number), "aria-label": `Dead letter ${each.number}` }, String(each.number))),
      when(each.at),
      h("td", { class: "wrap topic" }, breakable(each.topic || each.streams.join(", ")), h("div", { class: "quiet" }, each.mapping ? breakable(each.mapping) : "no mapping")),
      h("td", { class: "wrap wide" }, tag(each.code, "bad"), " ", withoutCode(each, each.detail)));
  }

  openRow() {
    return h("tr", { class: "detail" }, h("td", { colspan: mayEdit() ? 5 : 4 }, this.opened));
  }

  async open() {
    fill(this.detail);
    this.opened = h("div", { class: "dead-letter" }, h("p", { class: "quiet" }, "…"));
    const { number, opened } = this;
    this.drawList();
    if (!number) return;
    try {
      fill(opened, deadLetter(await get(`/api/dead-letters/${number}?${new URLSearchParams({ worker: this.worker.value })}`), this.worker.value));
    } catch (error) { fill(opened, h("p", { class: "empty" }, error.message)); }
    if (this.number === number) document.querySelector("tr.open a")?.focus();
  }

  drawActions() {
    if (!mayEdit()) {
      fill(this.actions, this.deadLetters.length ? h("p", { class: "quiet" }, known.session.login ? "Read-only: log in with http.token to replay and delete here." : "Read-only: set http.token to replay and delete here, or use the command mqtt-kinesis dead-letters.") : null);
      return;
    }
    const count = this.chosen.size;
    const button = (action, attributes) => h("button", { ...attributes, disabled: !count, onclick: () => this.act(action) }, count ? `${ACTIONS[action]} ${integer(count)}` : ACTIONS[action]);
    // The buttons are replaced, so the button that has the focus must receive it again.
    const focused = [...this.actions.children].indexOf(document.activeElement);
    fill(this.actions, this.deadLetters.length || count ? [
      h("button", { class: "plain", onclick: () => this.choose(this.deadLetters.map((each) => each.number)) }, "Select all"),
      this.matching > this.deadLetters.length ? h("button", { class: "plain", onclick: () => this.chooseMatching() }, `Select all ${integer(this.matching)} matches`) : null,
      count ? h("button", { class: "plain", onclick: () => this.choose([]) }, "Clear selection") : null,
      button("replay", {}), button("delete", { class: "danger" })] : null);
    if (focused >= 0) this.actions.children[Math.min(focused, this.actions.children.length - 1)]?.focus();
  }

  choose(numbers) {
    this.chosen = new Set(numbers);
    this.drawList();
  }

  async chooseMatching() {
    try {
      const { numbers, limit } = await get(`/api/dead-letters/numbers?${this.query()}`);
      this.choose(numbers);
      this.say(numbers.length === limit ? `The newest ${integer(limit)} are selected, the maximum for one action.` : "");
    } catch (error) { this.say(error.message, true); }
  }

  async act(action) {
    const numbers = [...this.chosen];
    if (action === "delete" && !(await confirmed(`Permanently delete ${counted(numbers.length, "dead letter")}? The messages cannot be restored. The counters still include them.`, "Delete"))) return;
    this.say(`${counted(numbers.length, "dead letter")} …`);
    try {
      const result = await post(`/api/dead-letters/${action}`, this.worker.value ? { numbers, worker: Number(this.worker.value) } : { numbers });
      this.chosen.clear();
      if (this.number) location.hash = this.home;
      await this.load();
      this.groups.load();
      this.say(summary(result), Boolean(result.counts.failed_again));
    } catch (error) { this.say(error.message, true); }
  }
}
