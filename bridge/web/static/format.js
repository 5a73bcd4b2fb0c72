// Texts for numbers, sizes and times.

// Return the text of an integer: 1234 is 1,234.
export const integer = (value) => Math.round(value).toLocaleString("en-US");

// Return a number and its noun: 1 record, 2 records.
export const counted = (count, one, many = `${one}s`) => `${integer(count)} ${count === 1 ? one : many}`;

// Return a short text for a badge: 1234 is 1.2K.
export const short = (value) => (value < 1000 ? integer(value) : new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 2 }).format(value));

// Return the text of a rate, with one decimal below 10 and two below 0.1. Examples: "1,234", "12", "1.2" and "0.05".
export function rate(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value >= 9.95 || value === 0) return integer(value);
  if (value < 0.01) return "< 0.01";
  return value.toFixed(value < 0.1 ? 2 : 1);
}

export function bytes(value) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  // From 1023.5 on, the number would be rounded to 1,024. So use the next unit.
  while (value >= 1023.5 && unit < units.length - 1) { value /= 1024; unit += 1; }
  if (!unit) return counted(Math.round(value), "byte");
  return `${value < 9.95 && value % 1 ? value.toFixed(1) : integer(value)} ${units[unit]}`;
}

export function duration(secs) {
  if (!Number.isFinite(secs)) return "–";
  if (secs < 1) return "under 1 s";
  if (secs < 90) return `${Math.round(secs)} s`;
  if (secs < 5400) return `${Math.round(secs / 60)} min`;
  if (secs < 172800) return `${(secs / 3600).toFixed(1)} h`;
  return `${Math.round(secs / 86400)} days`;
}

// Return the text of a measured time, with three digits: 200 ms, 23.0 s, 77.2 s. A time of 90 s or more is a duration:
// 2 min.
export function seconds(value) {
  if (value === 0) return "0 s";
  if (value >= 90) return duration(value);
  return value >= 0.9995 ? `${threeDigits(value)} s` : `${threeDigits(value * 1e3)} ms`;
}

function threeDigits(value) { return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2); }

export const percent = (value) => (value === 0 ? "0 %" : `${value >= 9.95 ? integer(value) : value.toFixed(1)} %`);

// Return the texts of the ticks of an axis. They have decimals only if at least one tick needs them.
export function ticks(values, format) {
  const texts = values.map(format);
  return texts.some((text) => /\.\d*[1-9]/.test(text)) ? texts : texts.map((text) => text.replace(/\.0+(?!\d)/, ""));
}

// Return the time of day of a timestamp: 2026-01-31T12:00:00.000Z is 12:00:00.000 UTC.
export const clock = (at) => `${at.slice(11, 23)} UTC`;
// Return the date and the time of day of a timestamp: 2026-01-31 12:00:00.
export const moment = (at) => `${at.slice(0, 10)} ${at.slice(11, 19)}`;

// Return a payload or the data of a record as text: `value` is {text, cut} or {base64, cut}.
export const content = (value) => (value.text !== undefined ? value.text : `(base64) ${value.base64}`) + (value.cut ? " …" : "");

// Return the first part of a payload or of data, for a list.
export function excerpt(value, maxChars = 480) {
  const text = content(value);
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)} … and ${counted(text.length - maxChars, "more character")}`;
}

// Return a payload or data as text, and indent it if it is JSON. The text itself is indented, and not the parsed value,
// because JavaScript would round large numbers.
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
