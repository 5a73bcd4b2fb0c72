"""Job `try`: apply a mapping to one message, and explain each step."""

from __future__ import annotations

import base64
import time
from typing import Any

from bridge.errors import ConfigError
from bridge.mapping.explain import explain
from bridge.mapping.loading.mapping_loader import compile_text
from bridge.mapping.topics.pattern import TopicError, check_topic_name
from bridge.model import Message
from bridge.web.jobs.checking import case_values, problem_values
from bridge.web.jobs.resource_cache import resources_of
from bridge.web.presentation import mapped_value


def try_message(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the mapping's result for the message, or the mapping's problems, each with line and column."""
    resources = resources_of(asked)
    try:
        mapping = compile_text(asked["mapping"], asked["name"], resources.resources, shown_as="mapping.yaml")
    except ConfigError as error:
        return {"problems": problem_values(error.problems, asked["mapping"], resources)}
    nothing = {"problems": [], "tests": case_values(mapping), "steps": [], "matched": False, "made": None}
    if not asked.get("topic"):
        return nothing
    try:
        check_topic_name(asked["topic"])
    except TopicError as error:
        return {**nothing, "steps": [["topic", str(error)]]}
    [explained] = explain([mapping], message_of(asked)).mappings
    made = None if explained.mapped is None else mapped_value(mapping, explained.mapped)
    steps = [list(step) for step in explained.steps]
    return {**nothing, "steps": steps, "matched": explained.mapped is not None, "made": made}


def message_of(asked: dict[str, Any]) -> Message:
    """Return the message of a request: {topic, payload or payload_base64, qos, retain, at_ms}."""
    payload = asked.get("payload", "").encode("utf-8", "surrogatepass")
    if "payload_base64" in asked:
        payload = base64.b64decode(asked["payload_base64"])
    at_ms = asked.get("at_ms", time.time_ns() // 10**6)
    return Message(asked["topic"], payload, asked.get("qos", 1), asked.get("retain", False), at_ms)
