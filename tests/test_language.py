"""Language of the project: plain technical English, with one term for one thing.

The rules hold for docstrings, comments, the texts that a user sees, the documentation and the names of tests:

    first word   a docstring begins with a verb or a noun, never with a word of FRAGMENTS
    words        none of BANNED, each with the words to use instead
    test names   at most MAX_NAME_CHARS characters; the first word is the unit under test, not a word of UNNAMED

Names in backquotes are not checked: they are code. ALLOWED lists the exceptions, each with its reason.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PYTHON = [*sorted((ROOT / "bridge").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))]
PAGES = [*sorted((ROOT / "bridge/web/static").glob("*.js")), *sorted((ROOT / "bridge/web/static").glob("*.html"))]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "docker").rglob("*.yaml")),
]
FOLDERS = sorted(
    {file.relative_to(ROOT).parts[:-1][:2] or file.relative_to(ROOT).parts for file in (*PYTHON, *PAGES, *DOCUMENTS)}
)
MAX_NAME_CHARS = 70
FRAGMENTS = ("Of", "As", "By", "What", "Where", "Whether", "Those", "These", "Until", "Nothing")
UNNAMED = (
    "what", "every", "no", "nothing", "each", "a", "an", "the", "it", "its", "without", "any", "one", "only", "all",
    "of", "another", "with", "several", "same", "anything", "whatever", "those", "they", "other", "who", "everyone",
    "these", "both", "there", "few", "everything", "two", "three", "many", "more", "when", "while", "after",
    "before",
)  # fmt: skip
BANNED = {
    r"(?:all|is|are|was|goes?) well(?=[.,;:]|$)|\bwell;": "OK, healthy",
    r"told": "reported, requested",
    r"tells(?! apart)": "reports, shows, returns",
    r"ask(?:s|ed|ing)?": "requests, requires",
    r"(?:the|a|as a|is|are|be|stays?|kept) whole(?=[.,;:]|$)": "complete, entire",
    r"anew": "again",
    r"mend(?:s|ed|ing)?": "fix",
    r"rivals?": "client ID conflict",
    r"books": "ledger",
    r"(?<!ead )(?<!ead-)letters(?!\.|,? (?:and )?digits)": "dead letters",
    r"whence|therein|thereby|wherein|of which none": "from where, in it, none of which",
    r"save (?:for|that)": "except",
    r"at the most": "at most",
    r"so many": "the number of, several",
    r"for good": "permanently",
    r"gone": "removed, missing, ended",
    r"nobody|somebody": "no client, another client",
    r"com(?:e|es|ing) by": "makes progress",
    r"(?:goes|go|went|going) on(?! to)": "continues",
    r"(?:Kinesis|AWS|broker|stream|shard)s? (?:takes?|took|has taken)(?! (?:turns|as long|\d))": "accepts",
    r"lets? go": "releases",
    r"a moment": "a short time",
    r"(?:bridge|broker|mapping|program|client|sender)s? wants?": "requires, needs",
    r"heard": "received",
    r"ow(?:e|es|ed)": "is in debt by",
    r"in force": "active",
    r"g(?:ave|ive|ives|iving) way": "evicted",
    r"throw(?:s|n)? [a-z ]{0,20}out": "take over the session",
    r"as (?:it|they) stands?": "unmodified, present",
    r"under way": "in flight",
}
ALLOWED: tuple[tuple[str, str, str], ...] = (("tests/test_language.py", ".*", "it holds the list itself"),)
_PATTERN = re.compile("|".join(rf"(?P<p{n}>\b(?:{word})\b)" for n, word in enumerate(BANNED)), re.MULTILINE)
_ANY = re.compile("|".join(f"(?:{word})" for word in BANNED), re.MULTILINE)
_CODE = re.compile(r"`[^`]*`")
_COMMENT = re.compile(r"(?:^|\s)#\s(.*)")


class Text(NamedTuple):
    line: int
    kind: str
    text: str


@cache
def texts(file: Path) -> tuple[Text, ...]:
    source = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return tuple(Text(number, "text", line) for number, line in enumerate(source.splitlines(), 1))
    return (*strings(source, shown=file.is_relative_to(ROOT / "bridge")), *comments(source))


def strings(source: str, *, shown: bool) -> Iterator[Text]:
    """Yield the docstrings, also of attributes. With `shown`, yield the constant parts of all other strings too."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    standalone = {id(each.value) for each in nodes if isinstance(each, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) in standalone:
                yield Text(node.lineno, "docstring", node.value)
            elif shown and " " in node.value:
                yield Text(node.lineno, "text", node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield Text(node.lineno, "name", node.name)


def comments(source: str) -> Iterator[Text]:
    """Yield the text after each number sign, even within strings, because the tokenizer takes five times as long."""
    for number, line in enumerate(source.splitlines(), 1):
        if found := _COMMENT.search(line):
            yield Text(number, "comment", found[1])


def of_kind(kind: str) -> list[tuple[str, Text]]:
    return [(file.relative_to(ROOT).as_posix(), each) for file in PYTHON for each in texts(file) if each.kind == kind]


def banned(file: Path) -> Iterator[str]:
    path = file.relative_to(ROOT).as_posix()
    allowed = [phrase for pattern, phrase, _ in ALLOWED if re.fullmatch(pattern, path)]
    for line, kind, text in texts(file):
        plain = text.replace("_", " ") if kind == "name" else _CODE.sub("", text)
        if not _ANY.search(plain):
            continue
        for found in _PATTERN.finditer(plain):
            near = plain[max(0, found.start() - 40) : found.end() + 40].replace("\n", " ")
            if not any(re.search(phrase, near) for phrase in allowed):
                better = list(BANNED.values())[int((found.lastgroup or "p0")[1:])]
                yield f"{path}:{line}: {kind} has '{found[0]}' (better: {better}): ...{near}..."


@pytest.mark.parametrize("folder", FOLDERS)
def test_words_are_those_of_the_field(folder):
    files = [file for file in (*PYTHON, *PAGES, *DOCUMENTS) if file.relative_to(ROOT).parts[: len(folder)] == folder]
    assert files
    assert [each for file in files for each in banned(file)] == []


def test_docstring_begins_with_a_verb_or_a_noun():
    first = re.compile(rf"\s*(?:{'|'.join(FRAGMENTS)})\b")
    assert [found for found in of_kind("docstring") if first.match(found[1].text)] == []


def test_name_of_a_test_is_short():
    assert [found for found in of_kind("name") if len(found[1].text) > MAX_NAME_CHARS] == []


def test_name_of_a_test_begins_with_the_unit():
    first = re.compile(rf"test_(?:{'|'.join(UNNAMED)})_")
    assert [found for found in of_kind("name") if first.match(found[1].text)] == []


def test_banned_word_is_found_in_every_kind_of_text():
    source = '"""Doc anew."""\nVALUE = 1\n"""Attribute anew."""\n# comment anew\nTEXT = f"shown anew {VALUE}"\n'
    kinds = [each.kind for each in (*strings(source, shown=True), *comments(source)) if _PATTERN.search(each.text)]
    assert sorted(kinds) == ["comment", "docstring", "docstring", "text"]


def test_exceptions_are_used_and_explained():
    for pattern, phrase, reason in ALLOWED:
        files = [
            file for file in (*PYTHON, *PAGES, *DOCUMENTS) if re.fullmatch(pattern, file.relative_to(ROOT).as_posix())
        ]
        assert any(re.search(phrase, each.text) for file in files for each in texts(file)), (pattern, phrase)
        assert reason
