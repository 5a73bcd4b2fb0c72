// Findings of the command `doctor`, which the bridge runs in a separate process.
import { fill, h } from "./dom.js";
import { duration } from "./format.js";
import { get, known, mayEdit, post } from "./event_stream.js";
import { tag } from "./components.js";

const POLL_MS = 1_000;
const KIND = { ok: ["OK", "good"], info: ["info", ""], warning: ["WARNING", "warn"], error: ["ERROR", "bad"] };
const ORDER = ["error", "warning", "info", "ok"];

export class Doctor {
  constructor() {
    this.run = h("button", { onclick: () => this.start(), hidden: !mayEdit() }, "Run doctor");
    this.status = h("p", { class: "quiet", role: "status" });
    this.list = h("ul", { class: "findings" });
    const readOnly = known.session.login ? "Read-only: log in with http.token to run doctor." : "Read-only: set http.token to run doctor here, or use the command mqtt-kinesis doctor.";
    this.element = h("section", { class: "panel", "aria-label": "Doctor" },
      h("div", { class: "body tools" }, h("p", {}, "Doctor checks the broker, AWS, the link and the disk, and reports what to do. It sends no record and publishes no message."),
        h("div", { class: "row" }, mayEdit() ? this.run : h("p", { class: "quiet" }, readOnly), this.status)),
      this.list);
    this.look();
  }

  leave() { clearTimeout(this.timer); }

  async start() {
    try { this.show(await post("/api/doctor", {})); } catch (error) { this.status.textContent = error.message; }
  }

  async look() {
    try { this.show(await get("/api/doctor")); } catch (error) { this.status.textContent = error.message; }
  }

  show(state) {
    clearTimeout(this.timer);
    this.run.disabled = state.running;
    const secs = ((state.ended_ms ?? Date.now()) - state.started_ms) / 1000;
    const ended = state.ended_ms ? `${new Date(state.ended_ms).toISOString().slice(0, 19).replace("T", " ")} UTC, took ${duration(secs)}` : "";
    this.status.textContent = state.running ? "Doctor is running …" : state.problem || ended;
    const findings = [...state.findings].sort((one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status));
    fill(this.list, findings.map(finding));
    this.list.hidden = !findings.length;
    if (state.running) this.timer = setTimeout(() => this.look(), POLL_MS);
  }
}

function finding(each) {
  return h("li", {}, h("p", {}, tag(...KIND[each.status]), " ", h("strong", {}, each.subject), ": ", each.message),
    each.details.length ? h("pre", { class: "quiet" }, each.details.join("\n")) : null,
    each.advice ? h("p", { class: "advice" }, each.advice) : null);
}
