"""Messages, records and dead letters as JSON for the page: limited in size, as text or base64, never as markup."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from bridge.model import Message
from bridge.timestamps import rfc3339

if TYPE_CHECKING:
    from bridge.mapping.mapping import Mapping
    from bridge.mapping.router import Router
    from bridge.model import DeadLetter, MappingResult
    from bridge.mqtt.packet_stream import Publish

# These limits keep an event small, even if payloads are large or a message becomes many records.
MAX_SHOWN_BYTES: Final = 4_096
MAX_SHOWN_RECORDS: Final = 20


def message_value(routes: Router, publish: Publish, at_ms: int) -> dict[str, Any]:
    """Return a message, and the result of each mapping for it. The mappings' state is not changed."""
    first, topic, _, _, payload, total_bytes = publish
    match = routes.match(topic)
    # The first byte of a PUBLISH packet has the QoS in bits 2 and 1, and RETAIN in bit 0 (MQTT 5, section 3.3.1).
    message = Message(match.topic, payload, first >> 1 & 3, first & 1 == 1, at_ms)
    made = [
        # `apply_replay` bypasses `changes` and `sample`, which would change the mapping's state.
        {"mapping": mapping.name, **mapped_value(mapping, mapping.apply_replay(message, captures, match.levels))}
        for mapping, captures in match.targets
    ]
    shown = {"topic": match.topic, "qos": message.qos, "retain": message.retain, "at": rfc3339(at_ms)}
    return {**shown, "bytes": total_bytes, "payload": bytes_value(payload), "mappings": made}


def mapped_value(mapping: Mapping, mapped: MappingResult) -> dict[str, Any]:
    """Return the records and rejections of a mapping; both are empty for a filtered message.

    `more` and `more_rejections` are the numbers of records and rejections beyond the first MAX_SHOWN_RECORDS.
    """
    records = [
        {
            "stream": mapping.outputs[draft.output].data_stream,
            "key": draft.key,
            "bytes": len(draft.data),
            "data": bytes_value(draft.data),
        }
        for draft in mapped.drafts[:MAX_SHOWN_RECORDS]
    ]
    rejections = [
        {
            "code": each.code,
            "detail": each.detail,
            "item": each.item,
            "streams": sorted({mapping.outputs[number].data_stream for number in each.outputs}),
        }
        for each in mapped.rejections[:MAX_SHOWN_RECORDS]
    ]
    more, more_rejections = len(mapped.drafts) - len(records), len(mapped.rejections) - len(rejections)
    shown = {"records": records, "rejections": rejections, "more": more, "more_rejections": more_rejections}
    return {**shown, "remembers": mapping.stateful is not None}


def dead_letter_summary(number: int, dead_letter: DeadLetter) -> dict[str, Any]:
    """Return a dead letter as an item of a list, without its payload."""
    return {
        "number": number,
        "kind": dead_letter.kind,
        "at": rfc3339(dead_letter.received_at_ms),
        "code": dead_letter.code,
        "detail": dead_letter.detail,
        "mapping": dead_letter.mapping,
        "streams": list(dead_letter.streams),
        "topic": dead_letter.topic,
    }


def dead_letter_json(number: int, dead_letter: DeadLetter) -> dict[str, Any]:
    """Return a dead letter with all its fields, and the first part of its payload."""
    return {
        **dead_letter_summary(number, dead_letter),
        "item": dead_letter.item,
        "qos": dead_letter.qos,
        "retain": dead_letter.retain,
        "key": dead_letter.key,
        "properties": dict(dead_letter.properties),
        "bytes": dead_letter.total_bytes,
        "stored_bytes": len(dead_letter.payload),
        "payload": bytes_value(dead_letter.payload, 16 * MAX_SHOWN_BYTES),
    }


def bytes_value(data: bytes, max_bytes: int = MAX_SHOWN_BYTES) -> dict[str, Any]:
    """Return UTF-8 data as text, and other data as base64. `cut` is true if the data is longer than `max_bytes`."""
    shown = data[:max_bytes]
    try:
        return {"text": shown.decode(), "cut": len(data) > max_bytes}
    except UnicodeDecodeError as error:
        if len(data) > max_bytes and error.start >= max_bytes - 3:  # the limit splits a character
            return {"text": shown[: error.start].decode(), "cut": True}
        return {"base64": base64.b64encode(shown).decode(), "cut": len(data) > max_bytes}
