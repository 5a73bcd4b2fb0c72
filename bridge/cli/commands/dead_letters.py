"""Commands `dead-letters list` and `show`: messages and records that cannot be delivered, with the reasons."""

from __future__ import annotations

import base64
import os
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from bridge.cli.commands.spool_selection import select_spools, single_spool
from bridge.cli.output.formatting import pluralize
from bridge.config import load_local_settings
from bridge.mapping.rendering import cut, printable
from bridge.spool.read_only import all_dead_letters, read_dead_letter
from bridge.terminal import BAD, GOOD, HEAD, WARN, print_coloured
from bridge.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.model import DeadLetter
    from bridge.spool.dead_letters import StoredDeadLetter

# Maximum length of the reason in a list. `show` prints it in full.
_DETAIL_CHARS = 160


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Filter for dead letters. A condition that is None matches any dead letter. `topic` is a part of the topic."""

    code: str | None = None
    mapping: str | None = None
    stream: str | None = None
    topic: str | None = None

    def matches(self, dead_letter: DeadLetter) -> bool:
        """Return whether the dead letter fulfils all conditions."""
        return (
            self.code in {None, dead_letter.code}
            and self.mapping in {None, dead_letter.mapping}
            and (self.stream is None or self.stream in dead_letter.streams)
            and (self.topic is None or self.topic in dead_letter.topic)
        )

    @property
    def narrows(self) -> bool:
        """True if at least one condition is set."""
        return any(value is not None for value in (self.code, self.mapping, self.stream, self.topic))


def list_dead_letters(config: Path, selected: DeadLetterFilter, worker: int | None = None, *, as_json: bool) -> int:
    """Print one line for each dead letter, then the number of dead letters by code. Return 0.

    Raise ConfigError, or BridgeError if the spool cannot be read.
    """
    codes: Counter[str] = Counter()
    folders = select_spools(load_local_settings(config, os.environ).spool.path, worker)
    for number, folder in folders.items():
        for each in all_dead_letters(folder):
            if not selected.matches(each.dead_letter):
                continue
            codes[each.dead_letter.code] += 1
            prefix = f"worker {number}  " if len(folders) > 1 else ""
            if as_json:
                print(_json(number, each))
            else:
                # In the line, the code comes after the time, which ends with Z and two spaces.
                print_coloured(prefix + _line(each), {rf"(?<=Z  ){re.escape(each.dead_letter.code)}(?=  )": BAD})
    if not as_json:
        by_code = ", ".join(f"{code} {count:,}" for code, count in codes.most_common())
        print_coloured(
            pluralize(codes.total(), "dead letter") + (f": {by_code}" if by_code else ""),
            {"^.*$": WARN if codes else GOOD},
        )
    return 0


def show_dead_letter(config: Path, number: int, worker: int | None = None) -> int:
    """Print one dead letter in full, and return 0. A payload that is not UTF-8 is printed in base64.

    Raise ConfigError, or BridgeError if there is no such dead letter.
    """
    folder = single_spool(load_local_settings(config, os.environ).spool.path, worker)
    print_coloured(
        "\n".join(_detail_lines(number, read_dead_letter(folder, number))),
        {r"\Adead letter.*": HEAD, "^  why +.*": BAD},
    )
    return 0


def _json(worker: int, each: StoredDeadLetter) -> str:
    return orjson.dumps({"worker": worker, **dead_letter_json(each)}).decode()


def _line(each: StoredDeadLetter) -> str:
    number, dead_letter = each
    # If the dead letter is a record and not a message, it has no topic.
    source = dead_letter.topic or f"a record for {', '.join(dead_letter.streams)}"
    why = cut(dead_letter.detail, _DETAIL_CHARS)
    mapping = dead_letter.mapping or "(no mapping)"
    return printable(
        f"{number:>6}  {rfc3339(dead_letter.received_at_ms)}  {dead_letter.code}  {mapping}  {source}: {why}"
    )


def _detail_lines(number: int, dead_letter: DeadLetter) -> Iterator[str]:
    what = "a message" if dead_letter.kind == "message" else "a record that Kinesis can never accept"
    yield f"dead letter {number}: {what}"
    item = "" if dead_letter.item is None else f", item {dead_letter.item}"
    facts: dict[str, str] = {
        "why": f"{dead_letter.code}: {dead_letter.detail}",
        "mapping": (dead_letter.mapping or "(none)") + item,
        "streams": ", ".join(dead_letter.streams) or "(none)",
        "received": rfc3339(dead_letter.received_at_ms),
        "topic": dead_letter.topic,
        "key": dead_letter.key or "",
        "QoS": f"{dead_letter.qos}{', retained' if dead_letter.retain else ''}"
        if dead_letter.kind == "message"
        else "",
        "properties": orjson.dumps(dict(dead_letter.properties)).decode() if dead_letter.properties else "",
    }
    yield from (f"  {name:<12}{printable(fact)}" for name, fact in facts.items() if fact)
    stored = len(dead_letter.payload)
    part = "" if stored == dead_letter.total_bytes else f", of which the first {stored:,} are stored"
    yield f"  {'payload':<12}{pluralize(dead_letter.total_bytes, 'byte')}{part}"
    form, payload = payload_form(dead_letter.payload)
    yield printable(payload) if form == "payload_text" else f"(base64) {payload}"


def payload_form(payload: bytes) -> tuple[str, str]:
    """Return the name and the text of a payload. The name is the same as in the tests of mapping files."""
    try:
        return "payload_text", payload.decode()
    except UnicodeDecodeError:
        return "payload_base64", base64.b64encode(payload).decode()


def dead_letter_json(each: StoredDeadLetter) -> dict[str, Any]:
    """Return a dead letter as an object for JSON."""
    form, payload = payload_form(each.dead_letter.payload)
    fields = {name: value for name, value in each.dead_letter._asdict().items() if name != "payload"}
    fields["properties"] = dict(each.dead_letter.properties)
    return {"number": each.number, **fields, form: payload}
