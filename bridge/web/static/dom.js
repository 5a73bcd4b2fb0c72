// Elements made of text: nothing from a message, a topic or a file is ever read as markup.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

const SVG = "http://www.w3.org/2000/svg";

// A sparkline of an hour at most; the highest point fills its height.
export function sparkline(points, what) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 0 100 24");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", what);
  const shown = (points || []).slice(-180);
  if (shown.length < 2) return svg;
  const most = Math.max(...shown, 1e-9);
  const place = (value, at) => `${((at / (shown.length - 1)) * 100).toFixed(2)},${(23 - (value / most) * 21).toFixed(2)}`;
  const line = shown.map(place).join("L");
  for (const [kind, d] of [["area", `M0,24L${line}L100,24Z`], ["line", `M${line}`]]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", kind);
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
