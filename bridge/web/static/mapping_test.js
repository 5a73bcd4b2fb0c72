// Test of a mapping, created from a live message and its result. The user pastes this YAML under `tests:` in the
// mapping.

// A JSON string is also a YAML string. But YAML permits some characters only as escapes, so escape these characters
// too.
const quoted = (text) => JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

const exact = (name, value) => (value.text !== undefined ? `${name}_text: ${quoted(value.text)}` : `${name}_base64: ${quoted(value.base64)}`);

function expected(made) {
  if (made.rejections.length) return [`expect: {dead_letter: ${made.rejections[0].code}}`];
  if (!made.records.length) return ["expect: filtered"];
  return ["expect:", ...made.records.flatMap((record) => [`  - data_stream: ${quoted(record.stream)}`, `    partition_key: ${record.key === null ? "spread" : quoted(record.key)}`, `    ${exact("data", record.data)}`])];
}

// Return {text}. If the page has only a part of the payload or of the result, return {problem} instead.
export function mappingTest(message, made) {
  if (message.payload.cut) return { problem: "The payload is longer than what is shown here: record it with mqtt-kinesis capture." };
  if (made.more || made.records.some((record) => record.data.cut)) return { problem: "The result is longer than what is shown here: use mqtt-kinesis try." };
  const name = `${message.topic} at ${message.at}`;
  const lines = [`name: ${quoted(name)}`, `topic: ${quoted(message.topic)}`, exact("payload", message.payload), `qos: ${message.qos}`,
    ...(message.retain ? ["retain: true"] : []), `received_at: ${quoted(message.at)}`, ...expected(made)];
  return { text: `${lines.map((line, at) => `${at ? "    " : "  - "}${line}`).join("\n")}\n` };
}
