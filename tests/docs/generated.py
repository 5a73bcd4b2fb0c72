"""Every generated part of the documentation, by page.

`python -m tests.docs` writes them, and tests/test_docs.py checks them.
"""

from collections.abc import Callable
from pathlib import Path

from tests.docs.check_errors import error_tables
from tests.docs.command_tables import command_sections, exit_code_table, summary_table
from tests.docs.format_tables import capture_format, checks, finding_fields, letter_fields, manifest_format
from tests.docs.http_table import http_table
from tests.docs.operation_tables import alerts_table, error_codes_table, error_tree, limits_table
from tests.docs.pages import DOCS, with_parts
from tests.docs.readme_parts import comparison_table, fault_line
from tests.docs.status_tables import fields_table, problems_table, states_table
from tests.docs.tables import functions_table, mapping_table, metrics_table, options_table

GENERATED: dict[str, dict[str, Callable[[], str]]] = {
    "../README.md": {"fault line": fault_line, "comparison": comparison_table},
    "how-to/alerts.md": {"alerts": alerts_table},
    "reference/commands.md": {"summary": summary_table, "commands": command_sections},
    "reference/exit-codes.md": {"exit codes": exit_code_table},
    "reference/errors.md": {"error tree": error_tree, "error codes": error_codes_table},
    "reference/http-api.md": {"routes": http_table},
    "reference/json-formats.md": {
        "doctor fields": finding_fields,
        "doctor checks": checks,
        "capture format": capture_format,
        "dead letter fields": letter_fields,
        "manifest format": manifest_format,
    },
    "reference/check-errors.md": {"errors of check": error_tables},
    "reference/limits.md": {"limits": limits_table},
    "reference/configuration.md": {"options": options_table},
    "reference/functions.md": {"functions": functions_table},
    "reference/mapping.md": {"mapping reference": mapping_table},
    "reference/metrics.md": {"metrics": metrics_table},
    "reference/status.md": {"states": states_table, "problems": problems_table, "fields": fields_table},
}


def generated(name: str) -> tuple[Path, str, str]:
    """Return the page, its current text, and its text with all parts generated again."""
    page = DOCS / name
    text = page.read_text(encoding="utf-8")
    return page, text, with_parts(text, GENERATED[name])


def write() -> list[Path]:
    """Write the parts that are out of date. Return the pages that changed."""
    changed = []
    for name in GENERATED:
        page, before, after = generated(name)
        if before != after:
            page.write_text(after, encoding="utf-8")
            changed.append(page)
    return changed
