// Selection of the view, and the header above all views. The bridge sends its state each second; the views draw it.
import { fill } from "./dom.js";
import { duration, short, whole } from "./format.js";
import { DeadLetters } from "./dead_letters.js";
import { known, learn, listen, rememberHour, rememberSession } from "./event_stream.js";
import { Mappings } from "./mappings.js";
import { Messages } from "./messages.js";
import { NewMapping } from "./new_mapping.js";
import { Overview } from "./overview.js";
import { System } from "./system.js";
import { drawLostVerdict, drawVerdict } from "./verdict.js";

const VIEWS = { "": Overview, messages: Messages, mappings: Mappings, "new-mapping": NewMapping, "dead-letters": DeadLetters, system: System };
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

// A new view begins at its top, for the eye and for the keyboard.
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
  element("dead-letter-count").setAttribute("aria-label", whole(count));
  element("version").textContent = `Version ${state.version}, up ${duration(state.up_secs)}`;
  element("logout").hidden = !known.session.login;
  drawVerdict(state);
  drawLost();
  if (view && view.draw) view.draw(state);
}

// Old numbers must not look like present ones.
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

// A hidden page requests nothing. When it is shown again, the time in between is no loss of connection.
document.addEventListener("visibilitychange", () => {
  known.receivedAt = performance.now();
  if (!document.hidden) rememberHour();
});
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); begin(); }); // the hash names a view
setInterval(drawLost, 1_000);
setInterval(() => { if (!document.hidden) rememberHour(); }, 15_000);
await rememberSession(); // before any view is made: what a view offers depends on the role
window.addEventListener("hashchange", async (event) => {
  if (view && view.mayLeave && !await view.mayLeave()) history.replaceState(null, "", event.oldURL);
  else if (show()) begin();
});
if (location.hash.startsWith("#token=")) history.replaceState(null, "", "#/"); // the link of a demo, after its login
show();
rememberHour();
listen("/api/events", "state", update);
