// View for a new mapping. Its text is a template, or a proposal for the messages of a topic. The editor opens it as a
// draft, so nothing is written before the user saves it.
import { breakable, fill, h } from "./dom.js";
import { counted } from "./format.js";
import { get, listen, post } from "./event_stream.js";
import { panel } from "./components.js";
import { keepDraft } from "./editor_drafts.js";
import { nameFault } from "./mapping_file.js";

// A proposal is requested after this number of messages, or after this time from the first message.
const WANTED_MESSAGES = 5;
const PATIENCE_MS = 5_000;
const BLANK = `topic: factory/{site}/{machine}/telemetry
transform: "{ machine: captures.machine, value: payload.value }"
outputs:
  - data_stream: STREAM
    partition_key_from: captures.machine
tests:
  - name: a message
    topic: factory/pdx/press07/telemetry
    payload: {value: 21}
    expect:
      - data_stream: STREAM
        partition_key: press07
        data: {machine: press07, value: 21}
`;

export class NewMapping {
  constructor() {
    this.body = h("div");
    this.element = h("div", {}, h("p", { class: "crumb" }, h("a", { href: "#/mappings" }, "All mappings")), h("h1", {}, "New mapping"), this.body);
    this.names = get("/api/mapping-files").then(({ files }) => files.map((each) => each.name));
  }

  go([topic]) {
    this.leave();
    if (topic) this.collect(topic); else this.offer({ name: "", text: BLANK, notes: [] });
    return true;
  }

  leave() {
    clearTimeout(this.waiting);
    if (this.end) this.end();
    this.end = null;
  }

  // Collect messages of a topic for a proposal. The user may also begin without messages.
  collect(topic) {
    const messages = [];
    const count = h("p", { class: "quiet", role: "status" }, "Waiting for a message …");
    fill(this.body, panel("Messages of the topic", null, h("div", { class: "body" }, h("p", { class: "mono" }, breakable(topic)), count,
      h("div", { class: "row details" }, h("button", { class: "plain", onclick: () => { this.leave(); this.offer({ name: "", text: BLANK.replace(/^topic: .*/, () => `topic: ${JSON.stringify(topic)}`), notes: [] }); } }, "Begin without messages")))));
    const propose = () => { this.leave(); this.propose(topic, messages); };
    this.end = listen(`/api/messages?${new URLSearchParams({ topic })}`, "messages", (came) => {
      messages.push(...came.filter((each) => each.topic === topic));
      if (!messages.length) return;
      count.textContent = `${counted(messages.length, "message")} …`;
      if (messages.length >= WANTED_MESSAGES) propose();
      else this.waiting = this.waiting || setTimeout(propose, PATIENCE_MS);
    });
  }

  async propose(topic, messages) {
    const sent = messages.map(({ payload, qos, retain }) => ({ topic, qos, retain, ...(payload.text === undefined ? { payload_base64: payload.base64 } : { payload: payload.text }) }));
    try {
      this.offer(await post("/api/propose", { topic, messages: sent }));
    } catch (error) {
      fill(this.body, h("p", { class: "notice bad" }, error.message));
    }
  }

  async offer({ name, text, notes }) {
    const names = await this.names;
    const field = h("input", { id: "name", class: "mono", value: name, spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
    const notice = h("p", { class: "notice bad", role: "alert" });
    const begin = (event) => {
      event.preventDefault();
      const wanted = field.value.trim();
      notice.textContent = nameFault(wanted, names);
      if (notice.textContent) { field.focus(); return; }
      keepDraft(wanted, text, null);
      location.hash = `#/mappings/${encodeURIComponent(wanted)}/new`;
    };
    fill(this.body, panel("Name and text", null, h("form", { class: "body", onsubmit: begin },
      h("div", { class: "field" }, h("label", { for: "name" }, "Name of the mapping and its file"), field), notice,
      notes.length ? h("ul", { class: "notes" }, notes.map((each) => h("li", {}, each))) : null,
      h("div", { class: "row details" }, h("button", {}, "Open in the editor"), h("span", { class: "quiet" }, "Nothing is written before you save.")),
      h("pre", { class: "proposal", tabindex: "0", role: "group", "aria-label": "Proposed text" }, text))));
    field.focus();
  }
}
