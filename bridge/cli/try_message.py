"""`try`: one message through the mappings, step by step; nothing is sent or written."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from bridge.config import load_settings
from bridge.errors import BridgeError
from bridge.mapping.explain import explain
from bridge.mapping.loader import load_folder
from bridge.mapping.topics import TopicError, check_topic_name
from bridge.model import Message

if TYPE_CHECKING:
    from pathlib import Path


def try_message(config: Path, topic: str, payload: str, *, qos: int, retain: bool) -> int:
    """0 if some mapping makes a record of it, else 1. A payload of "-" is read from standard input, as bytes."""
    try:
        check_topic_name(topic)
    except TopicError as error:
        raise BridgeError(f"--topic: {error}") from error
    settings = load_settings(config, os.environ)
    loaded = load_folder(settings.mappings, {})
    for problem in loaded.problems:
        print(problem, file=sys.stderr)
    raw = sys.stdin.buffer.read() if payload == "-" else payload.encode()
    message = Message(topic, raw, qos, retain, time.time_ns() // 1_000_000)
    explanation = explain(loaded.mappings.values(), message)
    print(explanation.render())
    made = any(each.mapped is not None and each.mapped.drafts for each in explanation.mappings)
    return 0 if made else 1
