"""Commands `dead-letters export` and `spool export`: write stored data to a file that only its owner can read."""

from __future__ import annotations

import csv
import io
import os
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import orjson

from bridge.cli.commands.dead_letters import dead_letter_json, payload_form
from bridge.cli.commands.spool_selection import select_spools
from bridge.cli.output.formatting import pluralize
from bridge.cli.output.progress_bar import progress
from bridge.config import load_local_settings
from bridge.errors import BridgeError
from bridge.spool.read_only import all_dead_letters, all_records, check_ledger
from bridge.terminal import GOOD, print_coloured
from bridge.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from bridge.cli.commands.dead_letters import DeadLetterFilter
    from bridge.spool.dead_letters import StoredDeadLetter

# Columns of the CSV file.
COLUMNS = (
    "worker",
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
# Positions at which a formula could begin. A spreadsheet program would execute the formula:
# https://owasp.org/www-community/attacks/CSV_Injection. A formula begins at the start of a cell. In some countries,
# semicolons separate the cells, so a text with a semicolon may become two cells.
_FORMULA = re.compile(r"(^|[;|\t\r\n])(?=\"*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")


def export_dead_letters(
    config: Path, file: Path, selected: DeadLetterFilter, worker: int | None = None, *, as_csv: bool
) -> int:
    """Write each matching dead letter as one line. Return 0. Raise ConfigError, or BridgeError if there is no spool."""
    folders = select_spools(load_local_settings(config, os.environ).spool.path, worker)
    every = ((worker, each) for worker, folder in folders.items() for each in all_dead_letters(folder))
    line: Callable[[int, StoredDeadLetter], bytes] = csv_line if as_csv else _json_line
    count = 0
    with _new_file(file) as out:
        if as_csv:
            out.write(_row(COLUMNS))
        for number, each in progress(every, "dead letters"):
            if selected.matches(each.dead_letter):
                out.write(line(number, each))
                count += 1
    print_coloured(f"{file}: {pluralize(count, 'dead letter')}", {"[^:]*$": GOOD})
    return 0


def export_records(config: Path, file: Path, stream: str | None, worker: int | None = None) -> int:
    """Write the buffered records of the queue `stream` as JSON lines. If it is None, write all queues. Return 0.

    Raise ConfigError, or BridgeError if there is no spool or no such queue.
    """
    folders = select_spools(load_local_settings(config, os.environ).spool.path, worker)
    queued = {number: check_ledger(folder).queued for number, folder in folders.items()}
    queues = [(number, name) for number in folders for name in queued[number] if stream in (None, name)]
    if not queues and stream is not None:
        known = ", ".join(f"'{name}'" for name in sorted({name for each in queued.values() for name in each}))
        raise BridgeError(
            f"--stream {stream}: there is no such queue; expected {known or 'no --stream, because the spool is empty'}"
        )
    count = 0
    with _new_file(file) as out:
        for number, name in queues:
            for mapping, record in progress(all_records(folders[number], name), name, queued[number][name]):
                form, data = payload_form(record.data)
                origin = {"worker": number, "stream": name, "number": record.number}
                fields = {
                    **origin,
                    "mapping": mapping,
                    "partition_key": record.key,
                    form.replace("payload", "data"): data,
                }
                out.write(orjson.dumps(fields) + b"\n")
                count += 1
    print_coloured(f"{file}: {pluralize(count, 'record')}", {"[^:]*$": GOOD})
    return 0


def csv_line(worker: int, each: StoredDeadLetter) -> bytes:
    """Return a dead letter as a CSV row that a spreadsheet program does not execute.

    `worker` is the number of the worker, or 0 for a bridge without workers.
    """
    dead_letter = each.dead_letter
    form, payload = payload_form(dead_letter.payload)
    values: dict[str, Any] = {
        **dead_letter._asdict(),
        "worker": worker,
        "number": each.number,
        "received_at": rfc3339(dead_letter.received_at_ms),
        "streams": " ".join(dead_letter.streams),
        "properties": orjson.dumps(dict(dead_letter.properties)).decode() if dead_letter.properties else "",
        form: payload,
    }
    return _row([_cell(values.get(name)) for name in COLUMNS])


def _json_line(worker: int, each: StoredDeadLetter) -> bytes:
    return orjson.dumps({"worker": worker, **dead_letter_json(each)}) + b"\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    # Insert an apostrophe. A spreadsheet program shows the text after an apostrophe, and does not execute it as a
    # formula.
    return _FORMULA.sub(r"\1'", text) if isinstance(value, str) else text


def _row(cells: Any) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode("utf-8", "backslashreplace")


@contextmanager
def _new_file(file: Path) -> Iterator[BinaryIO]:
    """Open a new file under a temporary name. Rename it when it is complete.

    Raise BridgeError if the file exists or cannot be written.
    """
    if file.exists():
        raise BridgeError(f"{file} exists already: choose another name, or move it away")
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        # The mode is 0600, because payloads may be secret. With O_EXCL, the call fails if the name exists. Otherwise,
        # the program could write to a file or link that another user has prepared.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            yield out
        # After an error, this line is not reached, and the `finally` clause removes the incomplete file.
        part.rename(file)
    except OSError as error:
        raise BridgeError(f"{file}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
