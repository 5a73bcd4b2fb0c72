// Selection of the view by the fragment of the URL, and the header above all views. The bridge sends its state each
// second, and the header and the view show it.
import { fill } from "./dom.js";
import { duration, integer, short } from "./format.js";
import { DeadLetters } from "./dead_letters.js";
import { known, learn, listen, rememberHour, rememberSession } from "./event_stream.js";
import { Mappings } from "./mappings.js";
import { Messages } from "./messages.js";
import { NewMapping } from "./new_mapping.js";
import { Overview } from "./overview.js";
import { System } from "./system.js";
import { drawLostVerdict, drawVerdict } from "./verdict.js";

const VIEWS = { "": Overview, messages: Messages, mappings: Mappings, "new-mapping": NewMapping, "dead-letters": DeadLetters, system: System };
// Time without a state after which the page shows that the bridge does not respond.
const LOST_MS = 5_000;
const element = (id) => document.getElementById(id);
const content = element("content");
let view = null;

function show() {
  const [, name = "", ...rest] = location.hash.split("/").map(decoded);
  const View = VIEWS[name] || Overview;
  const another = !(view instanceof View);
  if (another) {
    if (view && view.leave) view.leave();
    view = new View();
    fill(content, view.element);
  }
  for (const link of document.querySelectorAll("#views a")) {
    const current = link.getAttribute("href") === (View === Overview ? "#/" : `#/${name}`);
    if (current) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  const moved = view.go ? view.go(rest) : false;
  if (known.state && view.draw) view.draw(known.state);
  return another || moved;
}

// Scroll to the top of a new view, and move the focus there, so that the next Tab begins in the view.
function begin() {
  content.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function decoded(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

function update(state) {
  learn(state);
  const count = state.dead_letter_count;
  element("client").textContent = state.client_id;
  document.title = `${state.verdict.split(":")[0]} ${state.client_id}: mqtt-kinesis`;
  element("dead-letter-count").hidden = !count;
  element("dead-letter-count").textContent = short(count);
  element("dead-letter-count").setAttribute("aria-label", integer(count));
  element("version").textContent = `Version ${state.version}, up ${duration(state.up_secs)}`;
  element("logout").hidden = !known.session.login;
  drawVerdict(state);
  drawLost();
  if (view && view.draw) view.draw(state);
}

// If the bridge does not respond, show a notice and remove the colours, because old numbers must not look current.
function drawLost() {
  const silent = performance.now() - known.receivedAt;
  const lost = known.state !== null && !document.hidden && silent > LOST_MS;
  element("lost").hidden = !lost;
  content.classList.toggle("old", lost);
  if (!lost) return;
  const at = new Date(known.state.now_ms).toISOString().slice(11, 19);
  fill(element("since"), `Showing data from ${at} UTC, ${duration(silent / 1000)} ago.`);
  drawLostVerdict();
}

// A hidden page receives no state. When it becomes visible, the time without a state does not mean a lost connection.
document.addEventListener("visibilitychange", () => {
  known.receivedAt = performance.now();
  if (!document.hidden) rememberHour();
});
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); begin(); }); // the link must not change the fragment, which names the view
setInterval(drawLost, 1_000);
setInterval(() => { if (!document.hidden) rememberHour(); }, 15_000);
await rememberSession(); // before a view is created, because its buttons depend on the role of the user
window.addEventListener("hashchange", async (event) => {
  if (view && view.mayLeave && !await view.mayLeave()) history.replaceState(null, "", event.oldURL);
  else if (show()) begin();
});
if (location.hash.startsWith("#token=")) history.replaceState(null, "", "#/"); // remove the token of a demo's link after the login
show();
rememberHour();
listen("/api/events", "state", update);
