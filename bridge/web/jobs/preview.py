"""Job `preview`: compare the results of a mapping's current file and of an edited text for the same messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.errors import ConfigError
from bridge.mapping.comparison.differences import lines_of
from bridge.mapping.comparison.outcomes import ChangeKind, compare, outcome
from bridge.mapping.loading.mapping_loader import compile_text
from bridge.mapping.router import Router
from bridge.mapping.topics.pattern import TopicError, check_topic_name
from bridge.model import Rejection
from bridge.timestamps import rfc3339
from bridge.web.jobs.checking import problem_values
from bridge.web.jobs.resource_cache import resources_of
from bridge.web.jobs.trial import message_of
from bridge.web.presentation import bytes_value

if TYPE_CHECKING:
    from bridge.mapping.comparison.outcomes import MessageOutcome
    from bridge.mapping.loading.resources import Resources

# Maximum number of records, and also of rejections, in each result. A message has a result before and after the edit.
_MAX_SHOWN: Final = 5
_MAX_SHOWN_BYTES: Final = 2_000
_MAX_LINES: Final = 40


def preview(asked: dict[str, Any]) -> dict[str, Any]:
    """Return {problems, messages, changed} for a request {folder, name, mapping, present, messages}.

    `mapping` is the edited text. `present` is the text of the current file, or "" for a new mapping. If the current
    file does not load, it creates no records.
    """
    resources = resources_of(asked)
    try:
        new = Router([compile_text(asked["mapping"], asked["name"], resources.resources, shown_as="mapping.yaml")])
    except ConfigError as error:
        return {"problems": problem_values(error.problems, asked["mapping"], resources), "messages": [], "changed": 0}
    old = _present(asked["present"], asked["name"], resources.resources)
    rows = [_row(old, new, each) for each in asked["messages"]]
    return {"problems": [], "messages": rows, "changed": sum(row["changed"] for row in rows)}


def _present(text: str, name: str, resources: Resources) -> Router:
    try:
        return Router([compile_text(text, name, resources, shown_as="mapping.yaml")] if text else [])
    except ConfigError:
        # The current file does not load, so there are no results to compare with.
        return Router([])


def _row(old: Router, new: Router, asked: dict[str, Any]) -> dict[str, Any]:
    message = message_of(asked)
    shown: dict[str, Any] = {"topic": message.topic, "at": rfc3339(message.received_at_ms)}
    nothing: dict[str, Any] = {"matched": False, "records": [], "rejections": [], "more": 0}
    try:
        check_topic_name(message.topic)
    except TopicError as error:
        return {**shown, "changed": False, "before": nothing, "after": nothing, "differences": [str(error)]}
    before, after = outcome(old, message), outcome(new, message)
    differences = list(compare(before, after))
    changed = before.matched != after.matched or any(each.what is not ChangeKind.SAME for each in differences)
    lines = list(lines_of(differences))[:_MAX_LINES]
    return {**shown, "changed": changed, "before": _side(before), "after": _side(after), "differences": lines}


def _side(result: MessageOutcome) -> dict[str, Any]:
    """Return the first records and rejections of a result, and the number of `more` records and rejections."""
    records: list[dict[str, Any]] = []
    rejections: list[dict[str, Any]] = []
    for stream, results in result.records.items():
        for _, each in results:
            if isinstance(each, Rejection):
                rejections.append({"stream": stream, "code": each.code, "detail": each.detail, "item": each.item})
            else:
                data = bytes_value(each.data, _MAX_SHOWN_BYTES)
                records.append({"stream": stream, "key": each.key, "bytes": len(each.data), "data": data})
    shown = {"records": records[:_MAX_SHOWN], "rejections": rejections[:_MAX_SHOWN]}
    more = len(records) + len(rejections) - sum(map(len, shown.values()))
    return {"matched": result.matched, **shown, "more": more}
