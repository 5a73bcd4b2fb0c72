export const whole = (value) => Math.round(value).toLocaleString("en-US");

export function rate(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return value >= 100 || value === 0 ? whole(value) : value.toFixed(value >= 10 ? 0 : 1);
}

export function bytes(value) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return `${unit && value < 100 ? value.toFixed(1) : whole(value)} ${units[unit]}`;
}

export function duration(secs) {
  if (!Number.isFinite(secs)) return "–";
  if (secs < 1) return "under 1 s";
  if (secs < 90) return `${Math.round(secs)} s`;
  if (secs < 5400) return `${Math.round(secs / 60)} min`;
  if (secs < 172800) return `${(secs / 3600).toFixed(1)} h`;
  return `${Math.round(secs / 86400)} days`;
}

export const content = (value) => (value.text !== undefined ? value.text : `(base64) ${value.base64}`) + (value.cut ? " …" : "");

// JSON is shown indented; anything else as it is.
export function pretty(value) {
  const text = content(value);
  if (value.text === undefined || value.cut) return text;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}
