// Text editor of a mapping: CodeMirror with colours for YAML and expressions, marks of problems, and completion.
import {
  autocompletion, bracketMatching, closeBrackets, closeBracketsKeymap, completionKeymap, defaultKeymap, drawSelection, EditorState, EditorView, highlightActiveLine,
  highlightActiveLineGutter, highlightSelectionMatches, HighlightStyle, highlightSpecialChars, history, historyKeymap, hoverTooltip, indentLess, indentMore, indentUnit,
  keymap, lineNumbers, lintGutter, lintKeymap, search, searchKeymap, setDiagnostics, syntaxHighlighting, tags, yaml,
} from "./vendor/codemirror.js";
import { h } from "./dom.js";
import { expressionColours } from "./editor_expressions.js";
import { withoutExcerpt } from "./editor_results.js";
import { theme } from "./editor_theme.js";

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], class: "code-key" },
  { tag: [tags.string, tags.special(tags.string)], class: "code-string" },
  { tag: tags.content, class: "code-plain" },
  { tag: [tags.lineComment, tags.comment], class: "code-comment" },
  { tag: [tags.keyword, tags.meta, tags.labelName, tags.typeName], class: "code-keyword" },
]);

export class TextEditor {
  // `changed()` is called after each edit, and `save()` when the user presses Ctrl+S. CodeMirror calls `complete` to
  // get completions, and `explain` to get the text about the word below the pointer.
  constructor({ text, label, changed, save, complete, explain }) {
    // Within a shadow root, CodeMirror uses adopted style sheets. In a normal document, it would add a style element,
    // which the Content-Security-Policy forbids.
    this.element = h("div", { class: "editor" });
    const root = this.element.attachShadow({ mode: "open" });
    this.view = new EditorView({ root, parent: root, state: EditorState.create({ doc: text, extensions: [
      basics(), looks(label), yaml(), expressionColours(), lintGutter(),
      replacedByTyping(), autocompletion({ override: [complete], icons: false }), hoverTooltip(explain),
      keymap.of([{ key: "Mod-s", run: () => { save(); return true; }, preventDefault: true }]), keys(),
      EditorView.updateListener.of((update) => { if (update.docChanged) changed(); }),
    ] }) });
  }

  get text() { return this.view.state.doc.toString(); }

  // Replace the text by a single edit, so that the user can undo it.
  set text(text) {
    if (text !== this.text) this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  showProblems(problems) {
    this.view.dispatch(setDiagnostics(this.view.state, problems.map((each) => diagnostic(this.view.state.doc, each))));
  }

  goTo(line, column) {
    this.view.dispatch({ selection: { anchor: position(this.view.state.doc, line, column) }, scrollIntoView: true });
    this.view.focus();
  }

  leave() { this.view.destroy(); }
}

const basics = () => [
  lineNumbers(), highlightActiveLineGutter(), highlightSpecialChars(), history(), drawSelection(), bracketMatching(), closeBrackets(),
  highlightActiveLine(), highlightSelectionMatches(), search({ top: true }), indentUnit.of("  "), EditorState.tabSize.of(2), EditorView.lineWrapping,
];

const looks = (label) => [
  theme, syntaxHighlighting(COLOURS),
  EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", autocapitalize: "off", autocorrect: "off" }),
];

// Insert typed text that replaces a selection. Chromium would add an inline style, to keep the style of the replaced
// text. The Content-Security-Policy forbids inline styles.
const replacedByTyping = () => EditorView.domEventHandlers({
  beforeinput(event, view) {
    // Use the selection of the browser: the state of the editor may still have an earlier selection.
    const { rangeCount, isCollapsed, anchorNode, anchorOffset, focusNode, focusOffset } = (view.root.getSelection ? view.root : document).getSelection();
    if (event.inputType !== "insertText" || event.data === null || event.isComposing || !rangeCount || isCollapsed || !view.contentDOM.contains(anchorNode)) return false;
    event.preventDefault();
    const [from, to] = [view.posAtDOM(anchorNode, anchorOffset), view.posAtDOM(focusNode, focusOffset)].sort((a, b) => a - b);
    const insert = () => view.state.update({ changes: { from, to, insert: event.data }, selection: { anchor: from + event.data.length }, userEvent: "input.type", scrollIntoView: true });
    if (!view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, event.data, insert))) view.dispatch(insert());
    return true;
  },
});

// Tab indents. Within two seconds after Escape, CodeMirror lets Tab move the focus, so that keyboard users can leave
// the editor.
const keys = () => keymap.of([
  ...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...lintKeymap, ...defaultKeymap,
  { key: "Tab", run: indentMore, shift: indentLess },
]);

// Return the offset of a line and column, which count from 1. If they are outside of the text, return the nearest
// offset.
function position(doc, line, column) {
  const { from, length } = doc.line(Math.min(Math.max(line || 1, 1), doc.lines));
  return from + Math.min(Math.max((column || 1) - 1, 0), length);
}

function diagnostic(doc, { line, column, end_line: endLine, end_column: endColumn, message, advice }) {
  const from = position(doc, line, column);
  const to = endLine ? Math.max(position(doc, endLine, endColumn), from) : from;
  const end = to > from ? to : wordEnd(doc, from);
  const text = withoutExcerpt(message);
  const renderMessage = () => h("div", {}, h("p", {}, text), advice ? h("p", {}, advice) : null);
  return { from: Math.min(from, Math.max(end - 1, 0)), to: end, severity: "error", message: advice ? `${text} ${advice}` : text, renderMessage };
}

// Return the end of the word at an offset, or the end of the line if no word begins there. An empty range would not be
// underlined.
function wordEnd(doc, from) {
  const line = doc.lineAt(from);
  const [word] = /^[\w.$-]*/.exec(line.text.slice(from - line.from));
  return word ? from + word.length : line.to;
}
