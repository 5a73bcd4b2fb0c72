"""Names of enabled and disabled mapping files.

`press.yaml` is an enabled mapping. `press.yaml.disabled` is the same mapping, disabled: the bridge loads only files
whose names end with .yaml or .yml.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from bridge.mapping.loading.mapping_loader import SUFFIXES, is_mapping_name, names_a_mapping

DISABLED: Final = ".disabled"
_ENDING: Final = re.compile(r"\.ya?ml(\.disabled)?$")


class MappingFileName(NamedTuple):
    """Name of a mapping, the name of its file in the folder of the mappings, and whether it is enabled."""

    name: str
    file: str
    enabled: bool

    @property
    def toggled(self) -> MappingFileName:
        """Name of the file in the other state: disabled if the mapping is enabled now, enabled if it is disabled."""
        file = f"{self.file}{DISABLED}" if self.enabled else self.file.removesuffix(DISABLED)
        return MappingFileName(self.name, file, not self.enabled)

    def renamed(self, name: str) -> MappingFileName:
        """Return the file's name after the mapping is renamed. The ending stays."""
        return MappingFileName(name, name + self.file[len(self.name) :], self.enabled)


def parse_file_name(file: str) -> MappingFileName | None:
    """Return the parts of a file's name, or None if it is not the name of a mapping file."""
    enabled = not file.endswith(DISABLED)
    active = file.removesuffix(DISABLED)
    if not is_mapping_name(active) or not _is_text(file):
        return None
    return MappingFileName(_ENDING.sub("", file), file, enabled)


def new_file_name(name: str) -> MappingFileName:
    """Return the name of the file for a new mapping."""
    return MappingFileName(name, f"{name}{SUFFIXES[0]}", enabled=True)


def name_problem(name: object) -> str:
    """Return the reason why a new mapping cannot have this name, or "" if it can."""
    if not isinstance(name, str) or not names_a_mapping(name) or not is_mapping_name(f"{name}{SUFFIXES[0]}"):
        return "a mapping's name is 1 to 128 letters, digits, . _ - and does not begin with a dot"
    # The file of a mapping with the name `press.yaml` would be press.yaml.yaml. This is probably a mistake.
    if _ENDING.search(name.lower()) or name.lower().endswith(DISABLED):
        return "a mapping's name is not the name of a file: leave out .yaml"
    return ""


def _is_text(file: str) -> bool:
    """Return whether a file's name is UTF-8. A request cannot contain any other name."""
    try:
        file.encode()
    except UnicodeEncodeError:
        return False
    return True
