"""Commands `dead-letters list` and `show`: undeliverable messages and records, and why; also while the bridge runs."""

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
from bridge.spool.read_only import all_letters, read_letter
from bridge.terminal import BAD, GOOD, HEAD, WARN, print_coloured
from bridge.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.model import DeadLetter
    from bridge.spool.dead_letters import StoredDeadLetter

_DETAIL_CHARS = 160


@dataclass(frozen=True, slots=True)
class Filter:
    """Filter for dead letters; None matches all of them. `topic` is a part of the topic."""

    code: str | None = None
    mapping: str | None = None
    stream: str | None = None
    topic: str | None = None

    def takes(self, letter: DeadLetter) -> bool:
        """Return whether the dead letter matches."""
        return (
            self.code in {None, letter.code}
            and self.mapping in {None, letter.mapping}
            and (self.stream is None or self.stream in letter.streams)
            and (self.topic is None or self.topic in letter.topic)
        )

    @property
    def narrows(self) -> bool:
        """True if any condition is set."""
        return any(value is not None for value in (self.code, self.mapping, self.stream, self.topic))


def list_letters(config: Path, wanted: Filter, worker: int | None = None, *, as_json: bool) -> int:
    """Print one line for each dead letter, and their number by code; return 0. Raise ConfigError, BridgeError."""
    codes: Counter[str] = Counter()
    folders = select_spools(load_local_settings(config, os.environ).spool.path, worker)
    for number, folder in folders.items():
        for each in all_letters(folder):
            if not wanted.takes(each.letter):
                continue
            codes[each.letter.code] += 1
            whose = f"worker {number}  " if len(folders) > 1 else ""
            if as_json:
                print(_json(number, each))
            else:
                print_coloured(whose + _line(each), {rf"(?<=Z  ){re.escape(each.letter.code)}(?=  )": BAD})
    if not as_json:
        by_code = ", ".join(f"{code} {count:,}" for code, count in codes.most_common())
        print_coloured(
            pluralize(codes.total(), "dead letter") + (f": {by_code}" if by_code else ""),
            {"^.*$": WARN if codes else GOOD},
        )
    return 0


def show_letter(config: Path, number: int, worker: int | None = None) -> int:
    """Print one dead letter in full, a payload that is not text in base64; return 0. Raise ConfigError, BridgeError."""
    folder = single_spool(load_local_settings(config, os.environ).spool.path, worker)
    print_coloured(
        "\n".join(_whole(number, read_letter(folder, number))), {r"\Adead letter.*": HEAD, "^  why +.*": BAD}
    )
    return 0


def _json(worker: int, each: StoredDeadLetter) -> str:
    return orjson.dumps({"worker": worker, **letter_value(each)}).decode()


def _line(each: StoredDeadLetter) -> str:
    number, letter = each
    whence = letter.topic or f"a record for {', '.join(letter.streams)}"
    why = cut(letter.detail, _DETAIL_CHARS)
    mapping = letter.mapping or "(no mapping)"
    return printable(f"{number:>6}  {rfc3339(letter.received_at_ms)}  {letter.code}  {mapping}  {whence}: {why}")


def _whole(number: int, letter: DeadLetter) -> Iterator[str]:
    what = "a message" if letter.kind == "message" else "a record that Kinesis never takes"
    yield f"dead letter {number}: {what}"
    item = "" if letter.item is None else f", item {letter.item}"
    facts: dict[str, str] = {
        "why": f"{letter.code}: {letter.detail}",
        "mapping": (letter.mapping or "(none)") + item,
        "streams": ", ".join(letter.streams) or "(none)",
        "received": rfc3339(letter.received_at_ms),
        "topic": letter.topic,
        "key": letter.key or "",
        "QoS": f"{letter.qos}{', retained' if letter.retain else ''}" if letter.kind == "message" else "",
        "properties": orjson.dumps(dict(letter.properties)).decode() if letter.properties else "",
    }
    yield from (f"  {name:<12}{printable(fact)}" for name, fact in facts.items() if fact)
    kept = len(letter.payload)
    part = "" if kept == letter.total_bytes else f", of which the first {kept:,} were kept"
    yield f"  {'payload':<12}{letter.total_bytes:,} bytes{part}"
    form, payload = payload_form(letter.payload)
    yield printable(payload) if form == "payload_text" else f"(base64) {payload}"


def payload_form(payload: bytes) -> tuple[str, str]:
    """Return the field name and value of a payload, as a mapping's test has them."""
    try:
        return "payload_text", payload.decode()
    except UnicodeDecodeError:
        return "payload_base64", base64.b64encode(payload).decode()


def letter_value(each: StoredDeadLetter) -> dict[str, Any]:
    """Return a dead letter as JSON values."""
    form, payload = payload_form(each.letter.payload)
    told = {name: value for name, value in each.letter._asdict().items() if name != "payload"}
    told["properties"] = dict(each.letter.properties)
    return {"number": each.number, **told, form: payload}
