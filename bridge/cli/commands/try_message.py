"""Command `try`: one message through the mappings, step by step; nothing is sent or written."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from bridge.cli.commands.spool_selection import single_spool
from bridge.config import load_local_settings
from bridge.errors import BridgeError
from bridge.mapping.explain import explain
from bridge.mapping.loading.loader import load_folder
from bridge.mapping.rendering import printable
from bridge.mapping.topics.pattern import TopicError, check_topic_name
from bridge.model import Message
from bridge.spool.read_only import read_dead_letter
from bridge.terminal import BAD, GOOD, WARN, print_coloured, print_error
from bridge.timestamps import rfc3339

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import LocalSettings


def try_message(config: Path, topic: str, payload: str, *, qos: int, retain: bool) -> int:
    """Explain a message; return 0 if a mapping creates a record from it, else 1.

    The payload "-" means the bytes of standard input.
    """
    try:
        check_topic_name(topic)
    except TopicError as error:
        raise BridgeError(f"--topic: {error}") from error
    settings = load_local_settings(config, os.environ)
    raw = sys.stdin.buffer.read() if payload == "-" else payload.encode(errors="surrogateescape")
    return _explained(settings, Message(topic, raw, qos, retain, time.time_ns() // 1_000_000))


def try_dead_letter(config: Path, number: int, worker: int | None = None) -> int:
    """Explain the message of a dead letter, as it was received; return 0 if a mapping creates a record, else 1."""
    settings = load_local_settings(config, os.environ)
    dead_letter = read_dead_letter(single_spool(settings.spool.path, worker), number)
    reason = printable(f"{dead_letter.code}: {dead_letter.detail}")
    if dead_letter.kind != "message":
        raise BridgeError(f"dead letter {number} is a record that Kinesis rejected, not a message ({reason})")
    of = f" of mapping '{dead_letter.mapping}'" if dead_letter.mapping else ""
    received = f"received {rfc3339(dead_letter.received_at_ms)} on {printable(dead_letter.topic)}"
    print(f"dead letter {number}{of}, {received}\n  {reason}")
    if dead_letter.total_bytes != len(dead_letter.payload):
        print(f"  only the first {len(dead_letter.payload)} of its {dead_letter.total_bytes} bytes are stored")
    print()
    message = Message(
        dead_letter.topic,
        dead_letter.payload,
        dead_letter.qos,
        dead_letter.retain,
        dead_letter.received_at_ms,
        dead_letter.properties,
    )
    return _explained(settings, message)


def _explained(settings: LocalSettings, message: Message) -> int:
    loaded = load_folder(settings.mappings, {})
    for problem in loaded.problems:
        print_error(problem)
    explanation = explain(loaded.mappings.values(), message)
    print_coloured(explanation.render(), {"^ *record ": GOOD, "^ *dead letter ": BAD, "^ *(filtered|held) ": WARN})
    made = any(each.mapped is not None and each.mapped.drafts for each in explanation.mappings)
    return 0 if made else 1
