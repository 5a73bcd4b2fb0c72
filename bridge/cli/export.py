"""`dead-letters export` and `spool export`: to a file that its owner alone can read."""

from __future__ import annotations

import csv
import io
import os
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import orjson

from bridge.cli.counting import counted
from bridge.cli.dead_letters import letter_value, payload_form
from bridge.cli.progress import progress
from bridge.cli.spools import chosen
from bridge.config import load_settings
from bridge.errors import BridgeError
from bridge.mapping.scope import rfc3339
from bridge.spool.inspection import all_letters, all_records, read_books

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from bridge.cli.dead_letters import Filter
    from bridge.spool.letters import Letter

COLUMNS = (
    "number",
    "received_at",
    "code",
    "detail",
    "mapping",
    "streams",
    "item",
    "topic",
    "qos",
    "retain",
    "key",
    "properties",
    "total_bytes",
    "payload_text",
    "payload_base64",
)
_FORMULA = re.compile(r"(^|[;|\t\r\n])(?=\"*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")
"""What begins so is run by spreadsheet programs: https://owasp.org/www-community/attacks/CSV_Injection. In many
countries they take semicolons to separate cells, and then a cell begins within ours."""


def export_letters(config: Path, file: Path, wanted: Filter, worker: int | None = None, *, as_csv: bool) -> int:
    """All of each letter, a line each. Raises ConfigError, BridgeError."""
    folders = chosen(load_settings(config, os.environ).spool.path, worker)
    every = (each for folder in folders.values() for each in all_letters(folder))
    line: Callable[[Letter], bytes] = csv_line if as_csv else _json_line
    count = 0
    with _new_file(file) as out:
        if as_csv:
            out.write(_row(COLUMNS))
        for each in progress(every, "dead letters"):
            if wanted.takes(each.letter):
                out.write(line(each))
                count += 1
    print(f"{file}: {counted(count, 'dead letter')}")
    return 0


def export_records(config: Path, file: Path, stream: str | None, worker: int | None = None) -> int:
    """The records that wait, of one queue or of all, as JSON lines. Raises ConfigError, BridgeError."""
    folders = chosen(load_settings(config, os.environ).spool.path, worker)
    books = {folder: read_books(folder).queued for folder in folders.values()}
    count = 0
    with _new_file(file) as out:
        for folder, name in [(each, name) for each in books for name in _queues(books[each], stream, len(books))]:
            for mapping, record in progress(all_records(folder, name), name, books[folder].get(name)):
                form, data = payload_form(record.data)
                told = {"stream": name, "number": record.number, "mapping": mapping, "partition_key": record.key}
                out.write(orjson.dumps({**told, form.replace("payload", "data"): data}) + b"\n")
                count += 1
    print(f"{file}: {counted(count, 'record')}")
    return 0


def _queues(queued: dict[str, int], stream: str | None, spools: int) -> list[str]:
    """Of one spool; a worker need not have had anything for a stream that another has."""
    if stream is None:
        return list(queued)
    return [stream] if stream in queued or spools == 1 else []


def csv_line(each: Letter) -> bytes:
    """A letter as a row; no cell of it is a formula."""
    letter = each.letter
    form, payload = payload_form(letter.payload)
    values: dict[str, Any] = {
        **letter._asdict(),
        "number": each.number,
        "received_at": rfc3339(letter.received_at_ms),
        "streams": " ".join(letter.streams),
        "properties": orjson.dumps(dict(letter.properties)).decode() if letter.properties else "",
        form: payload,
    }
    return _row([_cell(values.get(name)) for name in COLUMNS])


def _json_line(each: Letter) -> bytes:
    return orjson.dumps(letter_value(each)) + b"\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    return _FORMULA.sub(r"\1'", text) if isinstance(value, str) else text


def _row(cells: Any) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode("utf-8", "backslashreplace")


@contextmanager
def _new_file(file: Path) -> Iterator[BinaryIO]:
    """Whole, or not there; never in the place of another."""
    if file.exists():
        raise BridgeError(f"{file} is there already: choose another name, or move it away")
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            yield out
        part.rename(file)
    except OSError as error:
        raise BridgeError(f"{file}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
