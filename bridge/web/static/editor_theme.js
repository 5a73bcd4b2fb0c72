// Style of the text editor. It uses the variables of page.css and editor.css, which also apply within the shadow root.
import { EditorView } from "./vendor/codemirror.js";

const MONO = { fontFamily: "var(--mono)", fontSize: ".84rem" };
const BUTTON = { background: "var(--raised)", backgroundImage: "none", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: ".4rem", padding: ".25rem .6rem", font: "inherit" };
const colour = (name) => ({ color: `var(--${name})` });

export const theme = EditorView.theme({
  "&": { background: "var(--ground)", color: "var(--ink)", maxHeight: "min(44rem, 70vh)", fontSize: "15px" },
  "&.cm-focused": { outline: "none" }, // the element around it has the outline
  ".cm-scroller": { ...MONO, lineHeight: "1.5", overflow: "auto" },
  ".cm-content": { caretColor: "var(--ink)", padding: ".5rem 0", minHeight: "16rem" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "var(--code-selected)" },
  ".cm-gutters": { background: "var(--raised)", color: "var(--quiet)", borderRight: "1px solid var(--line)" },
  ".cm-activeLineGutter": { background: "var(--line)", color: "var(--ink)" },
  ".cm-activeLine": { background: "var(--code-line)" },
  ".cm-selectionMatch, .cm-searchMatch": { background: "var(--warn-ground)" },
  ".cm-searchMatch-selected": { outline: "1px solid var(--warn)" },
  "&.cm-focused .cm-matchingBracket": { background: "var(--code-selected)", outline: "1px solid var(--accent)" },
  ".cm-panels": { background: "var(--raised)", color: "var(--ink)", borderColor: "var(--line)", fontSize: ".86rem" },
  ".cm-panels-top": { borderBottom: "1px solid var(--line)" },
  ".cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-panel.cm-search": { padding: ".5rem 2rem .5rem .6rem" },
  ".cm-panel.cm-search label": { fontSize: "inherit" },
  ".cm-panel.cm-search [name=close]": { ...colour("ink"), fontSize: "1.2rem", padding: ".2rem .5rem" },
  ".cm-textfield": { background: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: ".4rem", padding: ".25rem .5rem", fontSize: "inherit" },
  ".cm-button": BUTTON,
  ".cm-tooltip": { background: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: ".5rem", boxShadow: "var(--shadow)", maxWidth: "min(34rem, 90vw)", overflow: "hidden" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { ...MONO, maxHeight: "14rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: ".2rem .6rem", lineHeight: "1.5" },
  ".cm-tooltip.cm-tooltip-autocomplete ul li[aria-selected]": { background: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { fontStyle: "normal", color: "var(--quiet)" },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionInfo": { padding: ".5rem .7rem", maxWidth: "22rem", font: "15px/1.4 system-ui, sans-serif" },
  ".cm-explanation": { padding: ".5rem .7rem", font: "15px/1.4 system-ui, sans-serif" },
  ".cm-explanation code": MONO,
  ".cm-explanation p, .cm-diagnostic p": { margin: "0", overflowWrap: "anywhere" },
  ".cm-diagnostic": { padding: ".5rem .7rem", borderLeft: "4px solid var(--bad)", font: "15px/1.4 system-ui, sans-serif" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad) 2px", textUnderlineOffset: "3px" },
  ".code-key": { ...colour("code-key"), fontWeight: "600" },
  ".code-string": colour("code-string"),
  ".code-plain": colour("ink"),
  ".code-comment": { ...colour("quiet"), fontStyle: "italic" },
  ".code-keyword": colour("code-keyword"),
  ".code-number": colour("code-number"),
  ".code-function": colour("code-function"),
  ".code-root": { ...colour("code-root"), fontWeight: "600" },
  ".code-name": colour("ink"),
  ".code-operator": colour("code-keyword"),
});
