// Groups of dead letters by mapping, code and reason. Users with the role `edit` can replay or delete all of a group.
import { breakable, confirmed, fill, h } from "./dom.js";
import { counted, integer } from "./format.js";
import { frame, number, panel, tableOf, tag, when } from "./components.js";
import { get, mayEdit, post } from "./event_stream.js";

const VERBS = { replay: "Replay", delete: "Delete" };
const COLUMNS = ["Reason", "#Dead letters", "First (UTC)", "Last (UTC)"];
const KEY = ["mapping", "code", "reason"];

const isSame = (one, other) => Boolean(one && other) && KEY.every((name) => one[name] === other[name]);
export const hashOf = (group) => `#/dead-letters/group/${KEY.map((name) => encodeURIComponent(group[name])).join("/")}`;
export const groupOf = (parts) => Object.fromEntries(KEY.map((name, at) => [name, parts[at] || ""]));

// Return the text without the code at its beginning, because the page shows the code beside the text.
export const withoutCode = ({ code }, text) => (text.startsWith(`${code}: `) ? text.slice(code.length + 2) : text);

// Return the result of a job in words: the counts and, if dead letters failed again, the first reasons.
export function summary({ counts, reasons }) {
  const done = Object.entries(counts).map(([name, count]) => `${integer(count)} ${name.replaceAll("_", " ")}`).join(", ");
  const why = Object.keys(reasons).slice(0, 3).join("; ");
  return why ? `${done}: ${why}` : done;
}

export class DeadLetterGroups {
  // `worker()` returns the number of the shown worker, or "" if the bridge has no workers. `changed()` is called after
  // a job.
  constructor(worker, changed) {
    this.worker = worker;
    this.changed = changed;
    this.groups = [];
    this.list = frame();
    this.notice = h("p", { class: "notice", role: "status", hidden: true });
    this.actions = h("div", { class: "row" });
    this.element = panel("Groups", null, this.list, h("div", { class: "foot" }, this.notice));
    this.element.hidden = true;
  }

  get shown() { return this.groups.find((each) => isSame(each, this.open)); }

  async load() {
    try {
      const { groups, others } = await get(`/api/dead-letters/groups?${new URLSearchParams({ worker: this.worker() })}`);
      this.groups = groups;
      this.others = others;
      this.draw();
    } catch (error) { this.say(error.message, true); }
  }

  show(group) {
    this.open = group;
    this.draw();
  }

  draw() {
    this.element.hidden = !this.groups.length && !this.notice.textContent;
    // The rows are replaced, so the link that has the focus must receive it again.
    const focused = this.list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const rows = this.groups.flatMap((each) => [this.row(each), isSame(each, this.open) ? this.detail(each) : null]).filter(Boolean);
    const others = this.others ? h("p", { class: "empty" }, `${counted(this.others, "dead letter")} of further groups`) : null;
    fill(this.list, rows.length ? tableOf(COLUMNS, rows) : null, others);
    if (focused) this.list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }

  row(each) {
    const open = isSame(each, this.open);
    return h("tr", { class: open ? "open" : "" },
      h("td", { class: "wrap wide head" }, tag(each.code, "bad"), " ", h("a", { href: open ? "#/dead-letters" : hashOf(each), "aria-expanded": String(open) }, withoutCode(each, each.reason) || "no reason"),
        h("div", { class: "quiet" }, each.mapping ? breakable(each.mapping) : "no mapping")),
      number(each.dead_letters), when(each.first), when(each.last));
  }

  detail(each) {
    const differing = each.details.some((text) => text !== each.reason);
    this.drawActions(each);
    return h("tr", { class: "detail" }, h("td", { class: "about", colspan: COLUMNS.length },
      differing ? [h("h3", {}, "Examples"), h("ul", { class: "examples" }, each.details.map((text) => h("li", {}, text)))] : null, this.actions));
  }

  drawActions(each) {
    const button = (action, more) => h("button", { ...more, onclick: () => this.act(action, each) }, `${VERBS[action]} ${counted(each.dead_letters, "dead letter")}`);
    const stop = h("button", { class: "plain", onclick: () => { this.stopping = true; } }, "Stop");
    fill(this.actions, !mayEdit() ? null : this.running ? stop : [button("replay", {}), button("delete", { class: "danger" })]);
  }

  say(text, wrong = false) {
    this.notice.textContent = text;
    this.notice.hidden = false;
    this.notice.className = `notice ${wrong ? "bad" : ""}`;
    this.element.hidden = false;
  }

  async act(action, group) {
    const count = counted(group.dead_letters, "dead letter");
    const question = action === "delete" ? `Permanently delete ${count} of this group? The messages cannot be restored. The counters still include them.`
      : `Replay ${count} of this group through the active mappings? The ones that fail again stay here with their new reason.`;
    if (!(await confirmed(question, VERBS[action]))) return;
    this.running = true;
    this.stopping = false;
    this.drawActions(group);
    try { this.say(await this.repeat(action, group)); } catch (error) { this.say(error.message, true); }
    this.running = false;
    await this.load();
    this.changed();
  }

  // Handle all dead letters of a group with several requests. A request handles at most some thousand dead letters, so
  // that it is short and the user can stop after it. Dead letters newer than `newest` are not handled, because the user
  // has not seen them.
  async repeat(action, { mapping, code, reason, newest, dead_letters: total }) {
    const sum = { counts: {}, reasons: {} };
    const worker = this.worker();
    let after = 0;
    for (let more = true; more && !this.stopping;) {
      const result = await post(`/api/dead-letters/group/${action}`, { mapping, code, reason, after, up_to: newest, ...(worker ? { worker: Number(worker) } : {}) });
      for (const name of ["counts", "reasons"]) for (const [key, count] of Object.entries(result[name])) sum[name][key] = (sum[name][key] || 0) + count;
      ({ last: after, more } = result);
      const done = Object.values(sum.counts).reduce((one, other) => one + other, 0);
      this.say(`${integer(done)} of ${integer(total)} …`);
    }
    return `${this.stopping ? "Stopped: " : ""}${summary(sum) || "nothing to do"}`;
  }
}
