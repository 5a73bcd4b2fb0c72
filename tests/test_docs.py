"""The documentation agrees with the code, and the targets of its links exist. tests/docs runs the code blocks."""

import re
import tomllib

import pytest

from bridge.config import options
from bridge.mapping.expressions.expression import compile_expression
from bridge.runtime import exit_codes
from tests.docs.command_tables import EXIT_CODES, commands
from tests.docs.generated import GENERATED, generated
from tests.docs.pages import DOCS, PAGES, README, ROOT, ROOT_PAGES, anchors, links, prose
from tests.faults.registry import SCENARIOS
from tests.faults.table import FAULT_PAGE, rows_of

MAX_README_LINES = 250
MAX_CHANGELOG_LINES = 40
NOT_OPTIONS = {"spool.db", "spool.room"}
"""Names that look like an option, but are a file and a check of doctor."""
EVERY_PAGE = [*ROOT_PAGES, *PAGES]


def name_of(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("name", GENERATED)
def test_generated_parts_are_those_of_the_code(name):
    _, text, made = generated(name)
    assert text == made, "run: python -m tests.docs"


@pytest.mark.parametrize("page", EVERY_PAGE, ids=name_of)
def test_links_and_anchors_have_a_target(page):
    for target, anchor in links(page):
        assert target.exists(), target
        assert not anchor or anchor in anchors(target), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pages_link_to_pages_only_as_the_site_has_nothing_else(page):
    assert [target for target, _ in links(page) if not target.is_relative_to(DOCS)] == []


@pytest.mark.parametrize("page", EVERY_PAGE, ids=name_of)
def test_named_files_of_the_repository_exist(page):
    named = re.findall(r"`((?:bridge|tests|docker|docs)/[\w./-]+)`", prose(page))
    assert [path for path in named if not (ROOT / path).exists() and "*" not in path] == []


@pytest.mark.parametrize("page", EVERY_PAGE, ids=name_of)
def test_pages_do_not_mention_the_machine(page):
    assert "/work/" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_diagrams_of_pages_need_no_library_of_another_host(page):
    assert "```mermaid" not in page.read_text(encoding="utf-8"), "draw it as an SVG in docs/images"


def test_pages_are_in_the_navigation_of_the_site():
    nav = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    entries = [entry for section in nav for value in section.values() for entry in always_list(value)]
    assert sorted(entries) == sorted(str(page.relative_to(DOCS)) for page in PAGES)


def always_list(value):
    return value if isinstance(value, list) else [value]


def test_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("page", EVERY_PAGE, ids=name_of)
def test_named_options_exist(page):
    named = set(re.findall(r"`((?:mqtt|kinesis|spool|http|log)\.[a-z_.]+)[`:]", prose(page)))
    names = {option.name for option in options()}
    sections = {name.rpartition(".")[0] for name in names} | NOT_OPTIONS
    assert sorted(named - names - sections) == []


def test_changelog_versions_are_short_and_in_three_sections():
    _, *versions = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for version in versions:
        assert re.findall(r"^### (.+)", version, re.MULTILINE) == ["Added", "Changed", "Fixed"]
        assert len([line for line in version.splitlines() if line]) <= MAX_CHANGELOG_LINES


def test_exit_codes_are_documented_for_every_command_and_no_other():
    assert list(EXIT_CODES) == [each.name for each in commands()]


def test_fault_table_lists_all_scenarios_without_a_loss():
    rows = rows_of(FAULT_PAGE.read_text(encoding="utf-8"))
    assert list(rows) == [scenario.name for scenario in SCENARIOS], "run: make faults"
    assert {row.split(" | ")[3] for row in rows.values()} == {"0"}
    assert not [row for row in rows.values() if "never" in row or row.split(" | ")[2] == "0"]


def test_exit_codes_of_the_program_are_documented():
    page = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert documented == {0} | {value for value in vars(exit_codes).values() if type(value) is int}


def quoted_messages():
    """Return the first column of the table in docs/how-to/troubleshooting.md."""
    text = prose(DOCS / "how-to" / "troubleshooting.md")
    rows = [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in text.splitlines() if row.startswith("| ")][2:]
    return [message for row in rows for message in row]


@pytest.mark.parametrize("message", quoted_messages())
def test_quoted_messages_are_of_the_program(message):
    source = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "bridge").rglob("*.py")))
    joined = re.sub(r'"\s*\n\s*f?"', "", source)
    for part in filter(None, (part.strip(" .:") for part in message.split("…"))):
        assert part in joined


def test_expressions_beside_bloblang_compile():
    text = (DOCS / "how-to" / "from-redpanda-connect.md").read_text(encoding="utf-8")
    rows = [row for row in text[text.index("| Bloblang |") :].splitlines()[2:] if row.startswith("| ")]
    cells = [re.split(r"(?<!\\)\|", row)[2].replace("\\|", "|") for row in rows]
    code = [(double or single).strip() for cell in cells for double, single in re.findall(r"``(.+?)``|`([^`]+)`", cell)]
    plain = [text.removeprefix("transform: ").removeprefix("where: ") for text in code]
    expressions = [text for text in plain if re.search(r"[({\[.]|^topic$", text) and text != "{machine}"]
    assert len(expressions) > 12
    for text in expressions:
        compile_expression(text)
