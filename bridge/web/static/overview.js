// View with the active problems, the stages that a message passes, and the curves. The tables and the event log are
// below.
import { h, renew } from "./dom.js";
import { foldable, frame, tag } from "./components.js";
import { Curves } from "./curves.js";
import { EventLog } from "./event_log.js";
import { drawEmptyFlow, drawFlow } from "./flow.js";
import { drawMappings, drawStreams, drawWorkers } from "./ledger.js";
import { drawLinks, knownLinks, problemItems } from "./problems.js";

export class Overview {
  constructor() {
    this.flow = h("ol", { class: "flow", "aria-label": "Message flow" });
    this.problems = h("section", { class: "panel problems", hidden: true, "aria-label": "Active problems" });
    this.curves = new Curves();
    this.events = new EventLog();
    this.links = frame();
    this.ofLinks = foldable("Links to AWS", h("span", { class: "quiet" }, "measured with the requests; a link that is not busy may have more bandwidth"), this.links);
    this.ofLinks.hidden = true;
    this.streams = frame();
    this.mappings = frame();
    this.balance = h("span");
    this.workers = frame();
    this.ofWorkers = foldable("Workers", h("span", { class: "quiet" }, "all other values are sums of all workers"), this.workers);
    this.ofWorkers.hidden = true;
    this.element = h("div", { class: "overview" },
      h("h1", { class: "unseen" }, "Overview"), this.problems, this.flow, this.curves.element,
      h("div", { class: "tables" }, this.ofWorkers,
        foldable("Streams", h("span", { class: "quiet" }, "numbers since the start; oldest: age of the oldest record that is not delivered; latency: duration of the last request"), this.streams),
        this.ofLinks,
        foldable("Ledger", this.balance, this.mappings,
          h("p", { class: "quiet" }, "A message counts once for each output of each matching mapping. With “each: true”, every item of the message counts instead of the message. Each counted message or item becomes a record (delivered, dropped or still buffered), is filtered, or becomes a dead letter.")),
        this.events.element));
    drawEmptyFlow(this.flow);
  }

  leave() {
    this.curves.leave();
    this.events.leave();
  }

  draw(state) {
    drawFlow(this.flow, state);
    this.drawProblems(state);
    this.ofWorkers.hidden = !state.workers.length;
    if (state.workers.length) drawWorkers(this.workers, state);
    drawStreams(this.streams, state);
    this.ofLinks.hidden = !knownLinks(state).length;
    drawLinks(this.links, state);
    drawMappings(this.mappings, state);
    renew(this.balance, state.balanced ? tag("accounting OK", "good") : tag("ACCOUNTING MISMATCH: see the active problems", "bad"));
  }

  drawProblems(state) {
    this.problems.hidden = !state.problems.length;
    this.problems.classList.toggle("failing", state.state === "failing");
    renew(this.problems, h("h2", { class: "unseen" }, "Active problems"),
      h("ul", {}, problemItems(state.problems, state.now_ms)));
  }
}
