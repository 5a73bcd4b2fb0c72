"""Command `try`: shows step by step what the mappings do with one message. Nothing is sent or written."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.cli.commands.spool_selection import single_spool
from bridge.cli.output.file_watch import repeat_on_change
from bridge.cli.output.json_document import print_document
from bridge.config import load_local_settings
from bridge.errors import BridgeError, UsageError
from bridge.mapping.explain import explain
from bridge.mapping.loading.mapping_loader import load_folder
from bridge.mapping.rendering import printable
from bridge.mapping.topics.pattern import TopicError, check_topic_name
from bridge.model import Message
from bridge.spool.read_only import read_dead_letter
from bridge.terminal import BAD, GOOD, WARN, print_coloured, print_error
from bridge.timestamps import rfc3339
from bridge.web.presentation import mapped_value

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import LocalSettings
    from bridge.mapping.explain import Explanation
    from bridge.mapping.loading.mapping_loader import LoadedMappings
    from bridge.model import DeadLetter


@dataclass(frozen=True, slots=True)
class TryOptions:
    """Message that the options describe. If `payload` is "-", the payload is read from standard input."""

    topic: str
    payload: str
    qos: int = 1
    retain: bool = False


def try_message(config: Path, options: TryOptions, *, as_json: bool = False, watch: bool = False) -> int:
    """Explain a message. Return 0 if a mapping creates a record from the message, otherwise 1.

    If `watch` is true, repeat this after each change of a mapping file, until Ctrl-C.
    """
    try:
        check_topic_name(options.topic)
    except TopicError as error:
        raise UsageError(f"--topic: {error}") from error
    settings = load_local_settings(config, os.environ)
    stdin = options.payload == "-"
    # In an argument, Python decodes invalid UTF-8 to surrogates. The error handler restores the original bytes.
    raw = sys.stdin.buffer.read() if stdin else options.payload.encode(errors="surrogateescape")
    message = Message(options.topic, raw, options.qos, options.retain, time.time_ns() // 1_000_000)
    return _repeated(settings, message, as_json=as_json, watch=watch)


def try_dead_letter(
    config: Path, number: int, worker: int | None = None, *, as_json: bool = False, watch: bool = False
) -> int:
    """Explain the message of a dead letter. Return 0 if a mapping creates a record from the message, otherwise 1.

    Raise BridgeError if the dead letter is not a message.
    """
    settings = load_local_settings(config, os.environ)
    dead_letter = read_dead_letter(single_spool(settings.spool.path, worker), number)
    reason = printable(f"{dead_letter.code}: {dead_letter.detail}")
    if dead_letter.kind != "message":
        raise BridgeError(f"dead letter {number} is a record that Kinesis rejected, not a message ({reason})")
    # With --json, print only the explanation.
    if not as_json:
        _print_dead_letter(number, dead_letter, reason)
    return _repeated(settings, dead_letter.message, as_json=as_json, watch=watch)


def _print_dead_letter(number: int, dead_letter: DeadLetter, reason: str) -> None:
    of = f" of mapping '{dead_letter.mapping}'" if dead_letter.mapping else ""
    received = f"received {rfc3339(dead_letter.received_at_ms)} on {printable(dead_letter.topic)}"
    print(f"dead letter {number}{of}, {received}\n  {reason}")
    if dead_letter.total_bytes != len(dead_letter.payload):
        print(f"  only the first {len(dead_letter.payload)} of its {dead_letter.total_bytes} bytes are stored")
    print()


def _repeated(settings: LocalSettings, message: Message, *, as_json: bool, watch: bool) -> int:
    if watch:
        repeat_on_change(lambda: [settings.mappings], lambda: _explained(settings, message, as_json=as_json))
    return _explained(settings, message, as_json=as_json)


def _explained(settings: LocalSettings, message: Message, *, as_json: bool) -> int:
    loaded = load_folder(settings.mappings, {})
    for problem in loaded.problems:
        print_error(problem)
    explanation = explain(loaded.mappings.values(), message)
    if as_json:
        print_document(**_json(explanation, loaded, message))
    else:
        text = explanation.render(broken=bool(loaded.problems))
        print_coloured(text, {"^ *record ": GOOD, "^ *dead letter ": BAD, "^ *(filtered|held) ": WARN})
    made = any(each.mapped is not None and each.mapped.drafts for each in explanation.mappings)
    return 0 if made else 1


def _json(explanation: Explanation, loaded: LoadedMappings, message: Message) -> dict[str, Any]:
    """Return the explanation as an object for JSON.

    A mapping that does not match the topic has no fields for records and rejections.
    """
    return {
        "topic": message.topic,
        "received_at": rfc3339(message.received_at_ms),
        "mappings": [
            {
                "mapping": each.name,
                "matched": each.mapped is not None,
                "steps": [{"step": label, "text": text} for label, text in each.steps],
                **({} if each.mapped is None else mapped_value(loaded.mappings[each.name], each.mapped)),
            }
            for each in explanation.mappings
        ],
    }
