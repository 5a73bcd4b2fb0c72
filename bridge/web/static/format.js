// Numbers, sizes and times as people read them.

export const whole = (value) => Math.round(value).toLocaleString("en-US");

export const counted = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;

// Text for a badge: 1,234 is 1.2k.
export const short = (value) => (value < 1000 ? whole(value) : new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 2 }).format(value));

export function rate(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return value >= 10 || value === 0 ? whole(value) : value.toFixed(1);
}

export function bytes(value) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  if (!unit) return value === 1 ? "1 byte" : `${whole(value)} bytes`;
  return `${value < 10 && value % 1 ? value.toFixed(1) : whole(value)} ${units[unit]}`;
}

export function duration(secs) {
  if (!Number.isFinite(secs)) return "–";
  if (secs < 1) return "under 1 s";
  if (secs < 90) return `${Math.round(secs)} s`;
  if (secs < 5400) return `${Math.round(secs / 60)} min`;
  if (secs < 172800) return `${(secs / 3600).toFixed(1)} h`;
  return `${Math.round(secs / 86400)} days`;
}

// Time of day of a timestamp such as 2026-01-31T12:00:00.000Z.
export const clock = (at) => `${at.slice(11, 23)} UTC`;
export const moment = (at) => `${at.slice(0, 10)} ${at.slice(11, 19)}`;

export const content = (value) => (value.text !== undefined ? value.text : `(base64) ${value.base64}`) + (value.cut ? " …" : "");

// Long texts are cut in lists.
export function excerpt(value, maxChars = 480) {
  const text = content(value);
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)} … and ${whole(text.length - maxChars)} more characters`;
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
