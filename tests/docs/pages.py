"""Parser of the documentation: pages with their code blocks, headings, links and generated parts."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
ROOT_PAGES = tuple(sorted(ROOT.glob("*.md")))
PAGES = tuple(sorted(DOCS.rglob("*.md")))
PLAYED = (
    "../README.md",
    "tutorials/first-record.md",
    "tutorials/first-mapping.md",
    "how-to/editors.md",
    "how-to/mapping-tests-in-ci.md",
    "how-to/recorded-traffic.md",
)
"""Pages whose commands tests/docs/test_walkthroughs.py runs. Some mappings on these pages are wrong on purpose."""
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w-]*)(?P<info>[^\n]*)\n(?P<text>.*?)^ *```$", re.DOTALL | re.MULTILINE
)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced code block of a page."""

    page: Path
    line: int
    """Line number of the opening fence, from 1."""
    language: str
    text: str
    info: str = ""
    """Text after the language on the opening fence, such as `title="mappings/schemas/reading.avsc"`."""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """Return the fenced blocks of a page in order: all blocks, or only the blocks of one language."""
    text = page.read_text(encoding="utf-8")
    found = (
        Block(page, text.count("\n", 0, match.start()) + 1, match["language"], dedent(match["text"]), match["info"])
        for match in FENCE.finditer(text)
    )
    return [block for block in found if language in (None, block.language)]


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as Python-Markdown and code hosts generate them."""
    titles = re.findall(r"^#{1,6} (.+?)(?: *#+)?$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield the target file and the anchor ("" if none) of each link that stays within the repository."""
    without_code = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", lambda code: "x" * len(code[0]), prose(page))
    for target in LINK.findall(without_code):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def with_parts(text: str, parts: dict[str, Callable[[], str]]) -> str:
    """Return the text of a page, in which each part between `<!-- NAME -->` and `<!-- end -->` is generated again.

    AssertionError if the text does not have exactly one position for each part.
    """
    for name, part in parts.items():
        pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, count = pattern.subn(lambda found, part=part: f"{found[1]}\n{part()}\n\n{found[2]}", text)
        assert count == 1, f"{count} positions for <!-- {name} -->, expected 1"
    return text
