// Numbers, sizes and times as people read them.

export const whole = (value) => Math.round(value).toLocaleString("en-US");

export const counted = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;

// Text for a badge: 1,234 is 1.2k.
export const short = (value) => (value < 1000 ? whole(value) : new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 2 }).format(value));

// At least two digits that matter, and no more than needed: 1,234, 12, 1.2, 0.12.
export function rate(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value >= 9.95 || value === 0) return whole(value);
  if (value < 0.01) return "< 0.01";
  return value.toFixed(value < 0.1 ? 2 : 1);
}

export function bytes(value) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) { value /= 1024; unit += 1; }
  if (!unit) return counted(Math.round(value), "byte");
  return `${value < 9.95 && value % 1 ? value.toFixed(1) : whole(value)} ${units[unit]}`;
}

export function duration(secs) {
  if (!Number.isFinite(secs)) return "–";
  if (secs < 1) return "under 1 s";
  if (secs < 90) return `${Math.round(secs)} s`;
  if (secs < 5400) return `${Math.round(secs / 60)} min`;
  if (secs < 172800) return `${(secs / 3600).toFixed(1)} h`;
  return `${Math.round(secs / 86400)} days`;
}

// A measured time with three digits, such as 200 ms, 23.0 s and 77.2 s, or a long one as a duration.
export function seconds(value) {
  if (value === 0) return "0 s";
  if (value >= 90) return duration(value);
  return value >= 0.9995 ? `${threeDigits(value)} s` : `${threeDigits(value * 1e3)} ms`;
}

function threeDigits(value) { return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2); }

export const percent = (value) => (value === 0 ? "0 %" : `${value >= 9.95 ? whole(value) : value.toFixed(1)} %`);

// Texts of the ticks of an axis: decimals only where one of them needs them.
export function ticks(values, format) {
  const texts = values.map(format);
  return texts.some((text) => /\.\d*[1-9]/.test(text)) ? texts : texts.map((text) => text.replace(/\.0+(?!\d)/, ""));
}

// Time of day of a timestamp such as 2026-01-31T12:00:00.000Z.
export const clock = (at) => `${at.slice(11, 23)} UTC`;
export const moment = (at) => `${at.slice(0, 10)} ${at.slice(11, 19)}`;

export const content = (value) => (value.text !== undefined ? value.text : `(base64) ${value.base64}`) + (value.cut ? " …" : "");

// Long texts are cut in lists.
export function excerpt(value, maxChars = 480) {
  const text = content(value);
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)} … and ${counted(text.length - maxChars, "more character")}`;
}

// JSON is indented, with each number as written (JavaScript would round large ones); other texts are unchanged.
export function pretty(value) {
  const text = content(value);
  if (value.text === undefined || value.cut) return text;
  try { JSON.parse(text); } catch { return text; }
  return indented(text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g));
}

function indented(tokens) {
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  return tokens.map((token, at) => {
    if ("{[".includes(token)) { depth += 1; return "}]".includes(tokens[at + 1]) ? token : token + line(); }
    if ("}]".includes(token)) { depth -= 1; return "{[".includes(tokens[at - 1]) ? token : line() + token; }
    return token === "," ? token + line() : token === ":" ? ": " : token;
  }).join("");
}
