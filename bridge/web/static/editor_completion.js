// Completion and explanation of words in the text of a mapping: keys and their values and, within expressions,
// functions, names, captures, and the fields of payloads that were received while the editor is open.
import { expressionBefore } from "./editor_expressions.js";
import { h } from "./dom.js";

const KEY = /^(?<indent>\s*(?:- +)*)(?<name>[\w-]*)$/;
const LINE = /^(?<lead>\s*(?:- +)*)(?<key>[\w-]+):/;
const PATH = /(?<path>\$?[A-Za-z_]\w*(?:(?:\[[^\]]*\])?\.(?:[A-Za-z_]\w*)?)*)$/;

export class Completion {
  // `known` is the response of /api/completions. `fields(path)` returns the names of the fields that received payloads
  // have at a path.
  constructor(known, fields) {
    this.known = known;
    this.fields = fields;
    this.functions = known.functions.map((each) => ({
      label: each.name, type: "function", detail: (each.signature || "").replace(each.name, ""), info: each.summary, apply: `${each.name}(`,
    }));
    this.roots = known.roots.map((each) => ({ label: each.name, type: "variable", info: each.summary, boost: 1 }));
  }

  complete = (context) => {
    const before = expressionBefore(context.state, context.pos);
    return before === null ? this.keys(context) : this.names(context, before);
  };

  keys(context) {
    const line = context.state.doc.lineAt(context.pos);
    const match = KEY.exec(line.text.slice(0, context.pos - line.from));
    if (!match) return this.values(context, line);
    if (!match.groups.name && !context.explicit) return null;
    const known = this.known.keys[pathOf(context.state.doc, line.number, match.groups.indent.length)];
    if (!known) return null;
    return { from: context.pos - match.groups.name.length, options: known.map((each) => ({ label: each.name, type: "property", info: each.summary, apply: `${each.name}: ` })), validFor: /^[\w-]*$/ };
  }

  // Return the values of a key that has a fixed set of values.
  values(context, line) {
    const match = /^(?<indent>\s*(?:- +)*)(?<key>[\w-]+):\s+(?<value>[\w.-]*)$/.exec(line.text.slice(0, context.pos - line.from));
    if (!match) return null;
    const key = (this.known.keys[pathOf(context.state.doc, line.number, match.groups.indent.length)] || []).find((each) => each.name === match.groups.key);
    const values = match.groups.key === "schema" ? this.known.schemas : key ? key.values : [];
    if (!values.length) return null;
    return { from: context.pos - match.groups.value.length, options: values.map((value) => ({ label: String(value), type: "enum" })), validFor: /^[\w.-]*$/ };
  }

  names(context, before) {
    const table = /lookup\(\s*'(\w*)$/.exec(before);
    if (table) return { from: context.pos - table[1].length, options: this.known.tables.map((name) => ({ label: name, type: "table", info: "lookup table" })), validFor: /^\w*$/ };
    const match = PATH.exec(before);
    if (!match && !context.explicit) return null;
    const path = match ? match.groups.path : "";
    const at = path.lastIndexOf(".");
    const typed = path.slice(at + 1);
    const options = at < 0 ? [...this.roots, ...this.functions] : this.members(context.state.doc, path.slice(0, at).replace("$", ""));
    if (!options.length) return null;
    return { from: context.pos - typed.replace("$", "").length, options, validFor: /^\w*$/ };
  }

  members(doc, path) {
    if (path === "captures") return captures(doc).map((name) => ({ label: name, type: "variable", info: "capture of the topic" }));
    const [root, ...levels] = path.replace(/\[[^\]]*\]/g, "").split(".");
    return root === "payload" ? this.fields(levels.join(".")).map((name) => ({ label: name, type: "property", info: "field of a received payload" })) : [];
  }

  explain = (view, at) => {
    const { from, to, text } = wordAt(view.state.doc, at);
    if (!text) return null;
    const inExpression = expressionBefore(view.state, at) !== null;
    const found = inExpression ? [...this.known.functions, ...this.known.roots].find((each) => each.name === text) : this.key(view.state.doc, from, text);
    if (!found) return null;
    const dom = () => ({ dom: h("div", { class: "cm-explanation" }, h("code", {}, found.signature || found.name), h("p", {}, found.summary)) });
    return { pos: from, end: to, above: true, create: dom };
  };

  key(doc, from, text) {
    const line = doc.lineAt(from);
    const before = line.text.slice(0, from - line.from);
    return /^\s*(?:- +)*$/.test(before) ? (this.known.keys[pathOf(doc, line.number, before.length)] || []).find((each) => each.name === text) : null;
  }
}

// Return the names of the captures in the topic pattern.
export function captures(doc) {
  const topic = /^topic:\s*(.*)$/m.exec(doc.toString());
  return topic ? [...topic[1].matchAll(/\{(\w+)(?:\.\.\.)?\}/g)].map((match) => match[1]) : [];
}

// Return the path of the section that contains a key, such as "outputs[]" for a key of an output, and "" for a key of
// the file itself. `number` is the line of the key, and `indent` its column. The path is found by the indentation of
// the lines above, because a text is seldom valid YAML while the user types.
export function pathOf(doc, number, indent) {
  const path = [];
  let column = indent;
  let dash = doc.line(number).text.slice(0, indent).lastIndexOf("-"); // column of the dash of the key's list item; -1 if it is not in the same line
  for (let at = number - 1; at >= 1 && column > 0; at -= 1) {
    const match = LINE.exec(doc.line(at).text);
    if (!match) continue;
    const { lead, key } = match.groups;
    const own = lead.lastIndexOf("-");
    if (dash < 0 && lead.length === column) dash = own;
    else if (dash < 0 ? lead.length < column : lead.length <= dash) {
      path.unshift(dash < 0 ? key : `${key}[]`);
      column = lead.length;
      dash = own;
    }
  }
  return path.join(".");
}

function wordAt(doc, at) {
  const line = doc.lineAt(at);
  const offset = at - line.from;
  const from = /[\w$]*$/.exec(line.text.slice(0, offset))[0].length;
  const to = /^\w*/.exec(line.text.slice(offset))[0].length;
  return { from: at - from, to: at + to, text: line.text.slice(offset - from, offset + to).replace("$", "") };
}
