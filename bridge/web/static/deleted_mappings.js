// Mappings that were deleted on the page, each with a button that restores its last text.
import { fill, h } from "./dom.js";
import { get, post } from "./event_stream.js";
import { drawTable, frame, panel, when } from "./components.js";

export function drawDeleted(element, { deleted, editable }, restored) {
  const notice = h("p", { class: "notice bad", role: "alert" });
  const act = async (name) => {
    try {
      await restore(name);
      restored(name);
    } catch (error) {
      notice.textContent = `${name} not restored: ${error.message}`;
    }
  };
  const place = frame();
  drawTable(place, ["Mapping", "Deleted (UTC)", "By", "Note", ...(editable ? ["#Restore"] : [])], deleted.map((each) => h("tr", {}, h("td", { class: "head wrap" }, each.name),
    when(new Date(each.at_ms).toISOString()), h("td", { class: "wrap" }, each.by), h("td", { class: "wrap" }, each.note), editable ? h("td", { class: "number" }, button(each.name, act)) : null)), "");
  fill(element, deleted.length ? panel("Deleted mappings", null, notice, place) : null);
}

const button = (name, act) => h("button", { class: "plain", "aria-label": `Restore ${name}`, onclick: () => act(name) }, "Restore");

// Restore the newest version that has a text. The version that records the deletion has no text.
async function restore(name) {
  const path = `/api/mappings/${encodeURIComponent(name)}`;
  const last = (await get(`${path}/history`)).entries.find((each) => each.version);
  await post(`${path}/rollback`, { id: last.id, version: null, note: "restored", force_tests: true });
}
