"""Loader of mapping files: one file, or all files of a folder. A file with problems does not affect the other files."""

from __future__ import annotations

import logging
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from bridge.errors import ConfigError, Problem
from bridge.mapping.loading.lint import mapping_notes, quoted_name_notes
from bridge.mapping.loading.resources import NO_RESOURCES, Resources, load_resources
from bridge.mapping.loading.shared_subscription import unshareable
from bridge.mapping.loading.spec_validation import read_specification
from bridge.mapping.mapping import Mapping, compile_mapping
from bridge.mapping.pipeline.envelope import VERSION_DIGITS
from bridge.mapping.selftest.runner import run_cases
from bridge.yaml_files import parse_document, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.mapping.pipeline.output_emitter import Limits
    from bridge.yaml_files import Document

log = logging.getLogger(__name__)

SUFFIXES = (".yaml", ".yml")
# Maximum number of characters that a problem quotes from an unexpected exception.
_MAX_ERROR_CHARS = 500
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class LoadedMappings:
    """Contents of a folder of mappings.

    - `mappings`: the mappings that load, sorted by name
    - `problems`: errors in mapping files, lookup tables and schema files
    - `resources`: the lookup tables and schema files that load
    - `notes`: probable mistakes in the mappings that load
    """

    mappings: dict[str, Mapping]
    problems: list[Problem]
    resources: Resources
    notes: list[Problem] = field(default_factory=list)


def load_folder(folder: Path, limits: Limits, *, shown_as: str | None = None, shared: bool = False) -> LoadedMappings:
    """Load all mapping files of a folder, with the tables and schemas beside them. Never raise.

    Subfolders are ignored.

    - `limits`: maximum record sizes (see `compile_mapping`).
    - `shown_as`: the path of the folder that problems contain.
    - `shared`: several bridges divide the messages (see `shared_subscription`).
    """
    shown = (shown_as if shown_as is not None else str(folder)).rstrip("/")
    try:
        files = sorted(file for file in folder.iterdir() if is_mapping_file(file))
    except OSError as error:
        return LoadedMappings(
            {}, [Problem(shown, 0, 0, "", f"cannot read this folder of mappings: {error.strerror}")], NO_RESOURCES
        )
    if not files:
        return LoadedMappings(
            {}, [Problem(shown, 0, 0, "", "no mapping in this folder: no file NAME.yaml")], NO_RESOURCES
        )
    loaded = load_resources(folder, shown_as=shown)
    mappings: dict[str, Mapping] = {}
    problems, notes = list(loaded.problems), list[Problem]()
    names = Counter(file.stem for file in files)
    for file in files:
        try:
            # NAME.yaml and NAME.yml would be two mappings with one name. Load neither file, because a choice between
            # the two files would surprise the user.
            if names[file.stem] > 1:
                raise _same_name(file, shown)
            shown_file = f"{shown}/{file.name}"
            mapping, document = _tested(file, limits, loaded.resources, shown_as=shown_file, shared=shared)
            with _errors_as_problems(document):
                notes += mapping_notes(mapping, document, shared=shared)
            mappings[file.stem] = mapping
        except ConfigError as error:
            problems += error.problems
    return LoadedMappings(dict(sorted(mappings.items())), sorted(problems), loaded.resources, sorted(notes))


def load_file(
    file: Path,
    limits: Limits,
    resources: Resources = NO_RESOURCES,
    *,
    text: bytes | None = None,
    shown_as: str | None = None,
    shared: bool = False,
) -> Mapping:
    """Load one mapping file and run its tests. Raise ConfigError with all problems.

    - `limits`, `shown_as`, `shared`: the same as for `load_folder`.
    - `resources`: the tables and schemas that the mapping may use.
    - `text`: the content of the file, if the caller has already read it.
    """
    return _tested(file, limits, resources, text=text, shown_as=shown_as, shared=shared)[0]


def _tested(
    file: Path,
    limits: Limits,
    resources: Resources,
    *,
    text: bytes | None = None,
    shown_as: str | None,
    shared: bool,
) -> tuple[Mapping, Document]:
    mapping, document = compile_file(file, limits, resources, text=text, shown_as=shown_as)
    problems = _failed_tests(mapping, document)
    if shared and (problem := sharing_problem(mapping, document)) is not None:
        problems.append(problem)
    if problems:
        raise ConfigError(problems)
    return mapping, document


def sharing_problem(mapping: Mapping, document: Document) -> Problem | None:
    """Return a problem if several bridges cannot share the mapping, or None if they can share it."""
    found = unshareable(mapping)
    return None if found is None else document.problem((found[0],), found[1])


def compile_file(
    file: Path,
    limits: Limits,
    resources: Resources = NO_RESOURCES,
    *,
    text: bytes | None = None,
    shown_as: str | None = None,
    name: str | None = None,
) -> tuple[Mapping, Document]:
    """Compile one mapping file like `load_file`, but do not run its tests.

    `name` is the name of the mapping. By default, it is the name of the file without the suffix.
    """
    shown = shown_as or str(file)
    if not names_a_mapping(file.stem):
        message = f"'{file.stem}' cannot name a mapping: a file's name is 1 to 128 letters, digits, . _ -"
        raise ConfigError([Problem(shown, 0, 0, "", message)])
    if text is None:
        document = read_document(file, shown_as=shown, substitute=False, environ={})
    else:
        document = parse_document(text, shown, substitute=False, environ={}, base=file.parent)
    return _compiled(document, name or file.stem, limits, resources), document


def compile_text(text: str, name: str, resources: Resources, *, shown_as: str) -> Mapping:
    """Compile a mapping from the text of a file.

    The text is not written to a temporary file, because the file system may be read-only.
    """
    document = parse_document(text, shown_as, substitute=False, environ={}, base=Path())
    return _compiled(document, name, {}, resources)


def _compiled(document: Document, name: str, limits: Limits, resources: Resources) -> Mapping:
    with _errors_as_problems(document):
        return compile_mapping(name, *read_specification(document, resources), limits, document.sha256[:VERSION_DIGITS])


@contextmanager
def _errors_as_problems(document: Document) -> Iterator[None]:
    """Convert an unexpected exception in the `with` block to a ConfigError.

    An unexpected exception is a bug in the bridge. It must not stop the loading of other mapping files.
    """
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        log.debug("loading %s", document.file, exc_info=True)
        found = f"{type(error).__name__}: {error}"[:_MAX_ERROR_CHARS]
        message = f"this mapping cannot be loaded because of an error of the bridge: {found}. Please report it"
        raise ConfigError([Problem(document.file, 0, 0, "", message)]) from error


def names_a_mapping(name: str) -> bool:
    """Return whether a mapping can have this name."""
    return _NAME.fullmatch(name) is not None


def is_mapping_file(file: Path) -> bool:
    """Return whether the path is a file with the name of a mapping file."""
    return is_mapping_name(file.name) and file.is_file()


def is_mapping_name(name: str) -> bool:
    """Return whether this is the name of a mapping file.

    Hidden files, backup files and swap files are not mapping files. Editors and ConfigMaps create such files beside
    mapping files.
    """
    return name.endswith(SUFFIXES) and not name.startswith((".", "#", "~"))


def _same_name(file: Path, shown: str) -> ConfigError:
    message = f"several files give a mapping the name '{file.stem}'; none of them is loaded: rename all but one"
    return ConfigError([Problem(f"{shown}/{file.name}", 0, 0, "", message)])


def _failed_tests(mapping: Mapping, document: Document) -> list[Problem]:
    with _errors_as_problems(document):
        failed = [result for result in run_cases(mapping) if not result.passed]
        # `load_folder` reports notes only for files that load. A name in double quotes is a frequent cause of a failed
        # test, so add the notes on such names to the failure.
        notes = [f"\n  note: {note}" for note in quoted_name_notes(mapping, document)] if failed else []
        return [
            document.problem(
                ("tests", result.number),
                f"the test '{result.name}' failed:\n{indent(result.difference, '  ')}{''.join(notes)}",
            )
            for result in failed
        ]
