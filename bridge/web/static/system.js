// View with tabs for the shards, the topics, the workers, the configuration, and doctor.
import { breakable, fill, h } from "./dom.js";
import { Doctor } from "./doctor.js";
import { Shards } from "./shards.js";
import { counted, duration, percent, rate } from "./format.js";
import { drawTable, frame, number, panel, tag } from "./components.js";
import { get, known, mayEdit, perSecond } from "./event_stream.js";

const RELOAD_MS = 5_000;

// Tab with the busiest topics, the messages by mapping, and the topics that no mapping matches.
class Topics {
  constructor() {
    this.busy = frame();
    this.since = h("span", { class: "quiet" });
    this.matched = frame();
    this.unmatched = frame();
    this.others = h("p", { class: "empty", hidden: true });
    this.element = h("div", {}, panel("Topics with the most messages (sampled)", this.since, this.busy), panel("Messages by mapping", null, this.matched), panel("Unmatched topics", null, this.unmatched, this.others));
    this.load();
    this.timer = setInterval(() => { if (!document.hidden) this.load(); }, RELOAD_MS);
  }

  leave() { clearInterval(this.timer); }

  async load() {
    try {
      this.showBusy(await get("/api/busy-topics"));
      this.show(await get("/api/coverage"));
    } catch (error) { fill(this.matched, h("p", { class: "empty" }, error.message)); }
  }

  // The bridge samples only a part of the messages, and only while the page is open.
  showBusy({ topics, since_ms: since }) {
    this.since.textContent = topics.length ? `since ${new Date(since).toISOString().slice(11, 19)} UTC, when this page was opened` : "";
    const received = perSecond((each) => each.received_messages, "messages");
    const mapping = (name, at) => [at ? ", " : "", h("a", { href: `#/mappings/${encodeURIComponent(name)}` }, breakable(name))];
    drawTable(this.busy, ["Topic", "Mapping", "#Share", "#About per s"], topics.map((each) => h("tr", {}, h("td", { class: "head wrap" }, breakable(each.topic)),
      h("td", { class: "state" }, each.mappings.length ? each.mappings.flatMap(mapping) : tag("no mapping", "warn")), number(percent(100 * each.share)), number(rate(received === undefined ? undefined : each.share * received)))),
    "No message since this page was opened.");
  }

  show(coverage) {
    const secs = Math.max(1, (coverage.at_ms - coverage.since_ms) / 1000);
    const cells = (each) => [number(each.messages), number(rate(each.messages / secs)), h("td", {}, each.last_ms ? `${duration((coverage.at_ms - each.last_ms) / 1000)} ago` : "never")];
    const columns = ["#Messages", "#Mean per s", "Last message"];
    const mappings = [...coverage.mappings].sort((one, other) => other.messages - one.messages);
    drawTable(this.matched, ["Topic", "Mapping", ...columns], mappings.map((each) => h("tr", {},
      h("td", { class: "head wrap" }, breakable(each.topic)),
      h("td", { class: "wrap" }, h("a", { href: `#/mappings/${encodeURIComponent(each.name)}` }, breakable(each.name)), each.silent_ms ? [" ", tag("silent", "warn")] : null), ...cells(each))), "No mapping is active.");
    const propose = (each) => (mayEdit() ? h("td", {}, h("a", { href: `#/new-mapping/${encodeURIComponent(each.topic)}` }, "Propose a mapping")) : null);
    drawTable(this.unmatched, mayEdit() ? ["Topic", ...columns, "New mapping"] : ["Topic", ...columns], coverage.unmatched_topics.map((each) => h("tr", {}, h("td", { class: "head wrap" }, breakable(each.topic)), ...cells(each), propose(each))),
      "Mappings match the topics of all received messages.");
    this.others.hidden = !coverage.other_unmatched_messages;
    this.others.textContent = `${counted(coverage.other_unmatched_messages, "message")} on further unmatched topics`;
  }
}

class Workers {
  constructor() {
    this.list = frame();
    this.element = panel("Workers", null, this.list);
  }

  draw(state) {
    drawTable(this.list, ["Worker", "State", "#Process", "#Up", "#Restarts", "#Received", "#Delivered", "#Buffered", "#Oldest", "#Dead letters"], state.workers.map((each) => h("tr", {},
      h("td", { class: "head wrap" }, each.name, h("div", { class: "quiet" }, breakable(each.client_id))),
      h("td", { class: "wrap state" }, tag(each.state, each.state === "running" ? "good" : "warn"), each.detail ? h("div", { class: "quiet" }, each.detail) : null),
      number(each.pid ? String(each.pid) : "–"), number(each.pid ? duration(each.up_secs) : "–"), number(each.restarts, "amiss"), number(each.received_messages), number(each.delivered),
      number(each.spooled), number(each.spooled ? duration(each.oldest_secs) : "–"), number(each.dead_letter_count, "lost"))),
    "One process, without workers. To start several: mqtt-kinesis run --workers N");
  }
}

class Options {
  constructor() {
    this.filter = h("input", { type: "search", placeholder: "part of a name or value", "aria-label": "Filter options", spellcheck: "false", oninput: () => this.show() });
    this.changed = h("input", { type: "checkbox", id: "not-default", onchange: () => this.show() });
    this.list = frame();
    this.file = h("code", {});
    this.configuration = { file: "", options: [] };
    this.element = h("section", { class: "panel", "aria-label": "Configuration" },
      h("div", { class: "head tools" }, this.filter, h("label", { class: "check", for: "not-default" }, this.changed, "Only options that are set"), this.file), this.list);
    this.load();
  }

  async load() {
    try {
      this.configuration = await get("/api/configuration");
      this.file.textContent = this.configuration.file;
      this.show();
    } catch (error) { fill(this.list, h("p", { class: "empty" }, error.message)); }
  }

  show() {
    const part = this.filter.value.toLowerCase();
    const rows = this.configuration.options.filter((each) => (!this.changed.checked || each.source !== "default") && `${each.name} ${each.value}`.toLowerCase().includes(part));
    drawTable(this.list, ["Option", "Value", "Source"], rows.map((each) => h("tr", {},
      h("td", { class: "head wrap" }, h("code", {}, breakable(each.name)), h("div", { class: "quiet" }, each.description)),
      h("td", { class: "wrap wide" }, each.secret ? h("span", { class: "quiet" }, each.is_set ? "set (secret)" : "not set") : each.value ? h("code", {}, breakable(each.value)) : h("span", { class: "quiet" }, "not set")),
      h("td", { class: "wrap" }, each.source, each.references.length ? h("div", { class: "quiet" }, h("code", {}, each.references.join(" "))) : null))),
    this.configuration.options.length ? "No option matches the filter." : "This bridge was started without a configuration file.");
  }
}

const TABS = { streams: ["Streams and shards", Shards], topics: ["Topics", Topics], workers: ["Workers", Workers], configuration: ["Configuration", Options], doctor: ["Doctor", Doctor] };

export class System {
  constructor() {
    this.tabs = h("nav", { class: "tabs", "aria-label": "System" }, Object.entries(TABS).map(([name, [title]]) => h("a", { href: `#/system/${name}` }, title)));
    this.content = h("div", {});
    this.element = h("div", {}, h("h1", {}, "System"), this.tabs, this.content);
  }

  go([name]) {
    const tab = TABS[name] ? name : "streams";
    if (tab === this.tab) return false;
    this.leave();
    this.tab = tab;
    this.view = new TABS[tab][1]();
    fill(this.content, this.view.element);
    for (const link of this.tabs.children) {
      if (link.getAttribute("href") === `#/system/${tab}`) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    }
    if (known.state) this.draw(known.state);
    return false;
  }

  draw(state) { if (this.view && this.view.draw) this.view.draw(state); }

  leave() { if (this.view && this.view.leave) this.view.leave(); }
}
