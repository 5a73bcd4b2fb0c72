"""Command `support-bundle`: writes an archive with everything that a support ticket needs."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.cli.commands.doctor import findings
from bridge.config import load_local_settings, load_settings
from bridge.errors import BridgeError, ConfigError
from bridge.files import shown_name
from bridge.mapping.loading.mapping_loader import load_folder
from bridge.supervisor.workers import control_folder
from bridge.terminal import WARN, print_coloured
from bridge.tools.support import contents
from bridge.tools.support.redaction import Redactor, secrets_in
from bridge.yaml_files import read_document

if TYPE_CHECKING:
    from collections.abc import Callable

    Part = Callable[[], str]

# Only the user may read the archive, because mapping files may be confidential.
_MODE: Final = 0o600
_MISSING: Final = "not available: "
_NO_LOG: Final = "It contains no log"
_ADD_LOG: Final = (
    "To include a log, save it to a file and add --log FILE. For a systemd unit of another name:\n"
    "journalctl --unit UNIT > bridge.log; for a container: docker logs NAME 2> bridge.log"
)


def support_bundle(config: Path, output: Path | None, log: Path | None, *, doctor: bool) -> int:
    """Write the archive and return 0. Raise BridgeError if it cannot be written."""
    file = output or Path(time.strftime("mqtt-kinesis-support-%Y%m%d-%H%M%S.tar.gz"))
    redactor = Redactor(_secrets(config))
    parts, texts = _parts(config, log, doctor=doctor), dict[str, str]()
    try:
        # With O_EXCL, the call fails if the name exists. Otherwise, the program could write to a file or link that
        # another user has prepared.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
            for name, part in parts.items():
                text = texts[name] = redactor.clean(_text_or_error(part))
                _add(archive, name, text.encode(errors="replace"))
                print(f"  {name:<28} {len(text):>10,} characters")
    except FileExistsError:
        raise BridgeError(f"{file} exists already; choose another name, or remove it") from None
    except OSError as error:
        raise BridgeError(f"{file} cannot be written: {error.strerror}") from error
    print(
        f"wrote {file}, readable only by you. Secrets are removed. It contains the mapping files: "
        "read it before you send it"
    )
    if (text := texts["log.txt"]).startswith(_MISSING):
        print_coloured(f"{_NO_LOG}: {text.removeprefix(_MISSING)}\n{_ADD_LOG}", {f"^{_NO_LOG}": WARN})
    return 0


def _parts(config: Path, log: Path | None, *, doctor: bool) -> dict[str, Part]:
    """Return a dict from the name of each file in the archive to the function that creates its content."""
    parts: dict[str, Part] = {
        "versions.json": contents.versions,
        "configuration.json": partial(contents.configuration, config),
        "configuration-problems.txt": partial(contents.problems, config, os.environ),
        "status.json": lambda: contents.status(control_folder(load_local_settings(config, os.environ).spool.path)),
        "metrics.txt": partial(contents.metrics, config, os.environ),
        "log.txt": partial(contents.log_lines, log),
    }
    if doctor:
        parts["doctor.json"] = partial(_doctor, config)
    try:
        files = contents.mapping_files(load_local_settings(config, os.environ).mappings)
    except (ConfigError, OSError) as error:
        reason = str(error)
        # Write the error instead of the mapping files, because the bundle is useful without them.
        parts["mappings.txt"] = lambda: f"not available: {reason}"
    else:
        parts |= {f"mappings/{shown_name(file.name)}": partial(contents.mapping_text, file) for file in files}
    return parts


def _text_or_error(part: Part) -> str:
    try:
        return part()
    except (BridgeError, OSError, ValueError, subprocess.SubprocessError) as error:
        return f"{_MISSING}{error}"


def _doctor(config: Path) -> str:
    settings = load_settings(config, os.environ)
    mappings = list(load_folder(settings.mappings, {}).mappings.values())
    return contents.as_text([each.value() for each in findings(settings, mappings)])


def _secrets(config: Path) -> list[str]:
    """Return all values of the configuration that may be secrets.

    Read the configuration twice, with and without substitution of references. So if a reference cannot be resolved, the
    secrets in the file itself are still found.
    """
    values: list[Any] = []
    for substitute in (True, False):
        try:
            values.append(read_document(config, substitute=substitute, environ=os.environ).data)
        except ConfigError:
            continue
    return [secret for value in values for secret in secrets_in(value, os.environ)]


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(f"mqtt-kinesis-support/{name}")
    member.size, member.mode, member.mtime = len(content), _MODE, int(time.time())
    archive.addfile(member, io.BytesIO(content))
