// Expressions within the YAML text of a mapping: their positions, and the colours of their parts.
import { Decoration, Prec, RangeSetBuilder, syntaxTree, ViewPlugin } from "./vendor/codemirror.js";

const KEYS = new Set(["where", "transform", "partition_key_from"]);
const KEYS_WITHIN = { changes: ["key", "value"], sample: ["key", "value"] };
const ROOTS = "payload|captures|topic|levels|received_at_ms|received_at|qos|retain|properties|mapping|record|sample|vars";
// Parts of an expression: text, literal, quoted name, variable, keyword, number, function, root name, other name,
// operator. The order matters: at each position, the first pattern that matches is used.
const PARTS = [
  ["string", /'(?:[^'\\]|\\.|'')*'/], ["number", /`(?:[^`\\]|\\.)*`/], ["name", /\\?"(?:[^"\\]|\\[^"])*\\?"/], ["root", /\$\w+/], ["keyword", /\b(?:let|in)\b/],
  ["number", /\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b/], ["function", /\b[A-Za-z_]\w*(?=\s*\()/], ["root", new RegExp(`(?<![\\w.$])(?:${ROOTS})\\b(?!\\s*:)`)],
  ["name", /[A-Za-z_]\w*/], ["operator", /&&|\|\||[=!<>]=?|\/\/|[-?+*/%|&@]/],
];
const PATTERN = new RegExp(PARTS.map(([, pattern]) => `(${pattern.source})`).join("|"), "g");
const MARKS = Object.fromEntries(PARTS.map(([name]) => [name, Decoration.mark({ class: `code-${name}` })]));

// With the highest precedence, these decorations become the innermost elements. So their colours replace the colours
// of YAML.
export function expressionColours() {
  return Prec.highest(ViewPlugin.define((view) => ({
    decorations: colours(view),
    update(update) {
      if (update.docChanged || update.viewportChanged || syntaxTree(update.state) !== syntaxTree(update.startState)) this.decorations = colours(update.view);
    },
  }), { decorations: (plugin) => plugin.decorations }));
}

function colours(view) {
  const builder = new RangeSetBuilder();
  for (const { from, to } of expressions(view.state, view.viewport.from, view.viewport.to)) {
    for (const match of view.state.sliceDoc(from, to).matchAll(PATTERN)) {
      const [name] = PARTS[match.slice(1).findIndex((part) => part !== undefined)];
      builder.add(from + match.index, from + match.index + match[0].length, MARKS[name]);
    }
  }
  return builder.finish();
}

// Return the ranges of the expressions in a part of the text, without their quotes or the `|` of a block.
export function expressions(state, from, to) {
  const found = [];
  syntaxTree(state).iterate({ from, to, enter: (node) => {
    if (node.name !== "Pair" || !isExpression(state, node.node)) return;
    const value = node.node.lastChild;
    if (value && VALUES[value.name]) found.push(VALUES[value.name](value, state));
  } });
  return found;
}

const VALUES = {
  Literal: (node) => ({ from: node.from, to: node.to }),
  QuotedLiteral: (node) => ({ from: node.from + 1, to: Math.max(node.from + 1, node.to - 1) }),
  BlockLiteral: (node) => ({ from: (node.getChild("BlockLiteralHeader") || node).to, to: node.to }),
};

function keyOf(state, pair) {
  const key = pair && pair.getChild("Key");
  return key ? state.sliceDoc(key.from, key.to) : "";
}

function isExpression(state, pair) {
  const name = keyOf(state, pair);
  if (KEYS.has(name) && (name === "partition_key_from" || !parentPair(pair))) return true;
  const parent = keyOf(state, parentPair(pair));
  return parent === "vars" || Boolean(KEYS_WITHIN[parent] && KEYS_WITHIN[parent].includes(name));
}

function parentPair(pair) {
  let node = pair.parent;
  while (node && node.name !== "Pair") node = node.parent;
  return node;
}

// Return the text of an expression up to an offset, or null if the offset is not within an expression. After a key
// without a value, such as `where:`, the user may begin an expression, so the text is "".
export function expressionBefore(state, at) {
  const range = expressions(state, at, at).find((each) => each.from <= at && at <= each.to);
  if (range) return state.sliceDoc(range.from, at);
  const line = state.doc.lineAt(at);
  const begun = /(?:^|[\s{,-])(?:where|transform|partition_key_from):\s+["']?([^"']*)$/.exec(line.text.slice(0, at - line.from));
  return begun ? begun[1] : null;
}
