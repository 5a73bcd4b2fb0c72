"""Merging of the snapshots of several processes into one snapshot.

Counts are added. An age or state of the result is the worst age or state of the snapshots.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from dataclasses import replace
from operator import add
from typing import TYPE_CHECKING, Any, Final

from bridge.histogram import added
from bridge.ingest.topic_coverage import SILENT_MS, SILENT_PAUSES, CoverageReport, MappingActivity, UnmatchedTopic
from bridge.monitoring.merge_links import idle_endpoints, merge_endpoints, merge_flows
from bridge.monitoring.problems import merge_problems
from bridge.monitoring.snapshot import SHOWN_DEAD_LETTERS, TIMED, DeadLettersByCode
from bridge.spool.ledger import STORED, LedgerRow
from bridge.spool.mapping_state import StateUsage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.delivery.stream_status import StreamStatus
    from bridge.histogram import HistogramSnapshot
    from bridge.monitoring.snapshot import Snapshot

# Fields that are added. When a process ends, the three groups differ: counters continue, the sizes of stored data stay,
# and the resources of the process become 0.
_COUNTERS: Final = ("connections", "received_messages", "redelivered", "unmatched", "payload_bytes", "cpu_secs")
_STORED_SIZES: Final = (
    "spool_bytes",
    "dead_letter_count",
    "dead_letter_bytes",
    "poison_dead_letters",
    "damaged_spools",
)
_OF_PROCESS: Final = ("memory_bytes", "max_bytes_per_sec")
_STREAM_COUNTS: Final = (
    "delivered",
    "rejected",
    "throttled",
    "retried",
    "resent",
    "duplicates_possible",
    "requests",
    "failed_requests",
    "in_flight_requests",
    "in_flight_records",
    "waiting",
)
# States of a stream, the worst one first.
_WORST_FIRST: Final = ("refused", "retrying", "ok")


def merge(named: Sequence[tuple[str, Snapshot]]) -> Snapshot:
    """Return one snapshot for several workers, given as (name, snapshot). There must be at least one worker.

    The names appear in the texts of problems that only some workers have (see `merge_problems`).
    """
    snapshots = [snapshot for _, snapshot in named]
    first = snapshots[0]
    expiring = [each.credentials_expire_at for each in snapshots if each.credentials_expire_at is not None]
    summed = (*_COUNTERS, *_STORED_SIZES, *_OF_PROCESS)
    sums: dict[str, Any] = {name: sum(getattr(each, name) for each in snapshots) for name in summed}
    timed: dict[str, Any] = {name: _sum_histograms([getattr(each, name) for each in snapshots]) for name in TIMED}
    return replace(
        first,
        **sums,
        **timed,
        # A worker that is not connected may miss messages. So the bridge is connected only if all workers are.
        connected=all(each.connected for each in snapshots),
        subscribed=all(each.subscribed for each in snapshots),
        ledger=merge_ledgers(row for each in snapshots for row in each.ledger),
        streams=_streams(snapshots),
        dead_letters=tuple(dead_letter for each in snapshots for dead_letter in each.dead_letters)[:SHOWN_DEAD_LETTERS],
        problems=merge_problems([(name, each.problems) for name, each in named]),
        endpoints=merge_endpoints([each.endpoints for each in snapshots]),
        flows=merge_flows([each.flows for each in snapshots]),
        session_problem=_texts((name, each.session_problem) for name, each in named),
        session_attempts=sum(each.session_attempts for each in snapshots),
        spool_full=any(each.spool_full for each in snapshots),
        mapping_errors=tuple(dict.fromkeys(error for each in snapshots for error in each.mapping_errors)),
        unsendable=tuple(dict.fromkeys(pair for each in snapshots for pair in each.unsendable)),
        coverage=_coverage([each.coverage for each in snapshots]),
        client_id_conflict=_texts((name, each.client_id_conflict) for name, each in named),
        session_unstable=_texts((name, each.session_unstable) for name, each in named),
        lost_guarantees=tuple(dict.fromkeys(pair for each in snapshots for pair in each.lost_guarantees)),
        blocked_reason=_texts((name, each.blocked_reason) for name, each in named),
        # Each worker has its own spool with its own limit, so the limits are added. But the spools are usually on the
        # same file system, so a sum would count its free space several times.
        spool_max_bytes=sum(each.spool_max_bytes for each in snapshots),
        disk_free_bytes=min(each.disk_free_bytes for each in snapshots),
        failing_mappings=tuple(sorted({name for each in snapshots for name in each.failing_mappings})),
        # Each worker reloads the same files, so a sum would count every reload several times.
        reloads=max(each.reloads for each in snapshots),
        reloaded_at=max(each.reloaded_at for each in snapshots),
        stalled=tuple(_text(name, why) for name, each in named for why in each.stalled),
        dead_letter_max_bytes=sum(each.dead_letter_max_bytes for each in snapshots),
        dead_letters_by_code=_codes(each for snapshot in snapshots for each in snapshot.dead_letters_by_code),
        mapping_states=_states(each for snapshot in snapshots for each in snapshot.mapping_states),
        credentials_expire_at=min(expiring, default=None),
        request_latency=_request_latency([each.request_latency for each in snapshots]),
    )


def _text(name: str, text: str) -> str:
    # The parts of one worker, which are its process and the counters of its earlier processes, have no name.
    return f"{name}: {text}" if name else text


def _texts(named: Iterable[tuple[str, str]]) -> str:
    """Return all texts that are not empty, each after the name of its worker."""
    return "; ".join(_text(name, text) for name, text in named if text)


def final_counters(last: Snapshot) -> Snapshot:
    """Return a snapshot with only the counters of a process that has ended.

    The caller merges it with the snapshots of the worker's next process, so that no counter decreases.
    """
    streams = [
        replace(
            each,
            state="ok",
            code="",
            detail="",
            hint="",
            bad_for_secs=0.0,
            last_latency_ms=0.0,
            max_record_bytes=None,
            in_flight_requests=0,
            in_flight_records=0,
            waiting=0,
            oldest_secs=0.0,
            hot_key="",
            stalled_secs=0.0,
            failed_in_a_row=0,
        )
        for each in last.streams
    ]
    # The next process uses the same spool and reports its contents, so they must not count twice.
    nothing: dict[str, Any] = dict.fromkeys((*_STORED_SIZES, "spool_max_bytes", "dead_letter_max_bytes"), 0)
    # A merged snapshot is connected only if all its parts are. The ended process must not make it disconnected.
    ended = replace(_without_problems(last), **nothing, connected=True, subscribed=True, ledger=())
    return replace(
        ended,
        streams=tuple(streams),
        dead_letters=(),
        failing_mappings=(),
        lost_guarantees=(),
        credentials_expire_at=None,
        # A merged snapshot has the lowest free space of its parts. The disk may have more free space now.
        disk_free_bytes=sys.maxsize,
        mapping_states=tuple(each._replace(keys=0, bytes=0) for each in last.mapping_states),
    )


def ended_process_snapshot(last: Snapshot) -> Snapshot:
    """Return the state of a process that has ended: its last snapshot, but not connected and without problems."""
    streams = [replace(each, in_flight_requests=0, in_flight_records=0) for each in last.streams]
    return replace(_without_problems(last), connected=False, subscribed=False, streams=tuple(streams))


def _without_problems(last: Snapshot) -> Snapshot:
    """Return the snapshot without problems and without the resources of the process, because the process has ended."""
    nothing: dict[str, Any] = dict.fromkeys(("problems", "stalled", "flows", "mapping_errors", "unsendable"), ())
    quiet: dict[str, Any] = dict.fromkeys(
        ("blocked_reason", "client_id_conflict", "session_unstable", "session_problem", "page_problem"), ""
    )
    ended: dict[str, Any] = dict.fromkeys(("session_attempts", *_OF_PROCESS), 0)
    return replace(last, **nothing, **quiet, **ended, endpoints=idle_endpoints(last.endpoints))


def merge_ledgers(rows: Iterable[LedgerRow]) -> tuple[LedgerRow, ...]:
    """Return the sum of several ledgers. Rows with the same mapping and stream are added."""
    lines: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        lines[row.mapping, row.stream].update({name: getattr(row, name) for name in STORED})
    return tuple(_row(names, line) for names, line in sorted(lines.items()))


def _row(names: tuple[str, str], line: Counter[str]) -> LedgerRow:
    return LedgerRow(*names, *(line[name] for name in STORED))


def _streams(snapshots: Sequence[Snapshot]) -> tuple[StreamStatus, ...]:
    by_name: defaultdict[str, list[StreamStatus]] = defaultdict(list)
    for snapshot in snapshots:
        for stream in snapshot.streams:
            by_name[stream.stream].append(stream)
    return tuple(_stream(by_name[name]) for name in sorted(by_name))


def _stream(parts: Sequence[StreamStatus]) -> StreamStatus:
    """Merge the status of one stream from several workers. State and reason are those of the worst worker."""
    worst = min(parts, key=lambda each: _WORST_FIRST.index(each.state))
    sums: dict[str, Any] = {name: sum(getattr(each, name) for each in parts) for name in _STREAM_COUNTS}
    known = [each.max_record_bytes for each in parts if each.max_record_bytes is not None]
    return replace(
        worst,
        **sums,
        bad_for_secs=max(each.bad_for_secs for each in parts),
        last_latency_ms=max(each.last_latency_ms for each in parts),
        oldest_secs=max(each.oldest_secs for each in parts),
        answered_at=max(each.answered_at for each in parts),
        stalled_secs=max(each.stalled_secs for each in parts),
        failed_in_a_row=sum(each.failed_in_a_row for each in parts),
        hot_key=next((each.hot_key for each in parts if each.hot_key), ""),
        max_record_bytes=min(known, default=None),
    )


def _states(usages: Iterable[StateUsage]) -> tuple[StateUsage, ...]:
    sums: dict[str, StateUsage] = {}
    for mapping, *sizes in usages:
        before = sums.get(mapping, StateUsage(mapping, 0, 0, 0))
        sums[mapping] = StateUsage(mapping, *map(add, before[1:], sizes))
    return tuple(sums[mapping] for mapping in sorted(sums))


def _codes(counts: Iterable[DeadLettersByCode]) -> tuple[DeadLettersByCode, ...]:
    sums: Counter[str] = Counter()
    for code, dead_letters in counts:
        sums[code] += dead_letters
    return tuple(DeadLettersByCode(*each) for each in sorted(sums.items()))


def _request_latency(parts: Sequence[Mapping[str, HistogramSnapshot]]) -> dict[str, HistogramSnapshot]:
    names = sorted({stream for part in parts for stream in part})
    return {stream: _sum_histograms([part[stream] for part in parts if stream in part]) for stream in names}


def _sum_histograms(histograms: list[HistogramSnapshot]) -> HistogramSnapshot:
    """Return the sum of histograms.

    Empty histograms are omitted. Their bounds may differ, because a process that has measured nothing has no bounds.
    """
    return added([each for each in histograms if each.bounds and each.cumulative[-1]])


def _coverage(reports: Sequence[CoverageReport]) -> CoverageReport:
    by_name: defaultdict[str, list[MappingActivity]] = defaultdict(list)
    topics: defaultdict[str, list[UnmatchedTopic]] = defaultdict(list)
    for report in reports:
        for mapping in report.mappings:
            by_name[mapping.name].append(mapping)
        for topic in report.topics:
            topics[topic.topic].append(topic)
    at_ms = max(report.at_ms for report in reports)
    merged = [
        UnmatchedTopic(name, sum(each.messages for each in parts), max(each.last_ms for each in parts))
        for name, parts in topics.items()
    ]
    return CoverageReport(
        min(report.since_ms for report in reports),
        at_ms,
        tuple(_mapping(by_name[name], at_ms) for name in by_name),
        tuple(sorted(merged, key=lambda each: (-each.messages, each.topic))),
        sum(report.other_messages for report in reports),
    )


def _mapping(parts: Sequence[MappingActivity], at_ms: int) -> MappingActivity:
    """Merge the activity of one mapping in several workers."""
    messages, last_ms = sum(each.messages for each in parts), max(each.last_ms for each in parts)
    # While a mapping receives no messages, no worker receives any. So the longest pause of each worker is at least as
    # long as the longest pause of the mapping. The smallest value of all workers is the best estimate.
    pause_ms = min((each.longest_pause_ms for each in parts if each.messages > 1), default=0)
    quiet_ms = at_ms - last_ms if messages else 0
    silent_ms = quiet_ms if quiet_ms > max(SILENT_MS, SILENT_PAUSES * pause_ms) else 0
    return MappingActivity(parts[0].name, parts[0].topic, messages, last_ms, pause_ms, silent_ms)
