"""Command `coverage`: lists topics that no mapping matches, mappings that never matched, and silent mappings.

A silent mapping has received no message for a long time: much longer than the longest pause between its earlier
messages.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bridge.cli.output.formatting import duration, pluralize
from bridge.cli.output.json_document import print_document
from bridge.config import load_local_settings
from bridge.errors import BridgeError, ConfigError
from bridge.ingest.topic_coverage import CoverageReport, TopicCoverage
from bridge.mapping.loading.mapping_loader import load_folder
from bridge.mapping.rendering import printable
from bridge.mapping.router import Router
from bridge.runtime.control_channel import request
from bridge.runtime.exit_codes import FAILED
from bridge.supervisor.workers import control_folder
from bridge.terminal import GOOD, WARN, print_coloured, print_error
from bridge.timestamps import rfc3339
from bridge.tools.capture.file_format import read_capture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Maximum number of unmatched topics that are printed, the most frequent first. A bridge may have a thousand of them.
_SHOWN_TOPICS = 30


def coverage(config: Path, capture: Path | None, *, as_json: bool) -> int:
    """Print the coverage. Return 0 if every topic is matched and every mapping receives messages, otherwise 1.

    Without a capture, examine the running bridge. Raise ConfigError, or BridgeError if no bridge responds.
    """
    report = from_bridge(config) if capture is None else from_capture(config, capture)
    if as_json:
        print_document(**report.value())
    else:
        print_coloured("\n".join(report_lines(report)), {"^(topics|mappings) .*:$": WARN, "^OK: .*$": GOOD})
    return 0 if report.complete else FAILED


def from_bridge(config: Path) -> CoverageReport:
    """Return the coverage of the bridge that runs with this configuration, since its start."""
    response = request(control_folder(load_local_settings(config, os.environ).spool.path))
    try:
        return CoverageReport.of(response["coverage"])
    except (KeyError, TypeError, ValueError) as error:
        raise BridgeError(f"the running bridge has another version than this command: {error!r}") from error


def from_capture(config: Path, capture: Path) -> CoverageReport:
    """Return the coverage of recorded traffic. Use the current mapping files."""
    loaded = load_folder(load_local_settings(config, os.environ).mappings, {})
    if not loaded.mappings:
        raise ConfigError(loaded.problems)
    for problem in loaded.problems:
        print_error(problem)
    routes = Router(loaded.mappings.values())
    seen: TopicCoverage | None = None
    at_ms = 0
    for each in read_capture(capture):
        # The time of the last recorded message is used as the current time, to decide which mappings are silent.
        at_ms = each.message.received_at_ms
        seen = seen or TopicCoverage(at_ms)
        match = routes.match(each.message.topic.encode())
        for mapping, _ in match.targets:
            seen.tally(mapping.name).count(at_ms)
        if not match.targets and not match.excluded:
            seen.unmatched(each.message.topic, at_ms)
    return (seen or TopicCoverage(0)).report(routes.mappings, at_ms)


def report_lines(report: CoverageReport) -> Iterator[str]:
    """Yield the report as lines of text: problems first, then all mappings with their counts."""
    if report.topics:
        total = sum(each.messages for each in report.topics) + report.other_messages
        yield f"topics that no mapping matches ({pluralize(total, 'message')}):"
        for topic in report.topics[:_SHOWN_TOPICS]:
            yield f"  {topic.messages:>9,}  {printable(topic.topic)}, last at {rfc3339(topic.last_ms)}"
        more = len(report.topics) - _SHOWN_TOPICS
        if more > 0:
            yield f"  ... and {pluralize(more, 'topic')} more (--json lists all)"
        if report.other_messages:
            # The bridge stores a limited number of topics. On further topics, it only counts the messages.
            yield f"  {report.other_messages:>9,}  on further topics, which are not listed"
    if report.never:
        yield "mappings that never matched:"
        yield from (f"  {each.name}: {each.topic}" for each in report.never)
    if report.silent:
        yield "silent mappings:"
        for each in report.silent:
            silent, pause = (duration(ms / 1000, places=1) for ms in (each.silent_ms, each.longest_pause_ms))
            yield f"  {each.name}: no message for {silent}; longest pause before: {pause}"
    if report.complete:
        yield "OK: all topics matched, all mappings active"
    yield f"messages by mapping, {rfc3339(report.since_ms)} to {rfc3339(report.at_ms)}:"
    yield from (f"  {each.messages:>9,}  {each.name}: {each.topic}" for each in report.mappings)
