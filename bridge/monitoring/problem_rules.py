"""Rules that find the problems in a snapshot and in the data flow of the last minutes.

The rules are pure functions, one for each stage of the data path. No other module decides what a problem is. A
connected bridge that receives no messages has no problem, because a plant may be idle. The command `coverage` reports
mappings that receive no messages.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from bridge.durations import pluralize
from bridge.monitoring.buffer_time import buffer_hours
from bridge.monitoring.problem_kinds import (
    KINDS,
    OUTAGE_SECS,
    REJECTS_MIN_RECORDS,
    REJECTS_SHARE,
    STALLED_SECS,
    UNANSWERED_ATTEMPTS,
    UNANSWERED_SECS,
)
from bridge.monitoring.problems import ActiveProblem, sort_problems
from bridge.monitoring.stream_flow import StreamFlow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.delivery.stream_status import StreamStatus
    from bridge.monitoring.flow import Flow
    from bridge.monitoring.problems import ProblemCode, Severity
    from bridge.monitoring.snapshot import Snapshot
    from bridge.mqtt.lost_guarantees import GuaranteeCode
    from bridge.spool.ledger import LedgerRow

    Rule = Callable[[Snapshot, Flow, float], Iterator[ActiveProblem]]

# A worker in one of these states is a problem. A worker that drains or has drained its spool is no problem.
WORKER_NOT_RUNNING: Final = ("starting", "restarting", "stopped")
# Beginnings of the summaries. The address of the broker follows.
_NOT_GRANTED: Final[dict[GuaranteeCode, str]] = {
    "qos-lowered": "lower QoS than the mappings request at",
    "session-expiry-lowered": "shorter session expiry than requested at",
    "session-lost": "messages may be lost: session discarded by",
    "shared-subscription-unverified": "no message yet from the shared subscription at",
}
# Maximum number of errors of a mapping file that a problem quotes. With more, the problem would fill a terminal of 24
# lines. `check` shows all errors.
_CAUSES_SHOWN: Final = 3


def find_problems(snapshot: Snapshot, flow: Flow, now: float) -> tuple[ActiveProblem, ...]:
    """Return the active problems, errors first. `now` is in seconds since 1970.

    If a rule does not know when its problem began, `since` is 0. `ProblemHistory` then replaces it by the time at which
    the problem was first found.
    """
    return sort_problems(problem for rule in _RULES for problem in rule(snapshot, flow, now))


def find_process_problems(snapshot: Snapshot) -> Iterator[ActiveProblem]:
    """Yield the problems of threads, workers and the page.

    A supervisor adds its own problems of this kind to the problems of its workers.
    """
    for why in snapshot.stalled:
        yield _problem("thread-stalled", "a thread makes no progress", why)
    for worker in snapshot.workers:
        if worker.state in WORKER_NOT_RUNNING:
            yield _problem(
                "worker-down", "the process is not running", worker.detail or worker.state, worker=worker.name
            )
    if snapshot.page_problem:
        yield _problem("page-not-served", "the page is not served", snapshot.page_problem)


def _problem(code: ProblemCode, summary: str, cause: str, **more: Any) -> ActiveProblem:
    """Return a problem with the severity and texts of its kind. Fields in `more` replace them."""
    kind = KINDS[code]
    known = {"severity": kind.severities[0], "stage": kind.stage, "advice": kind.advice, "safe": kind.safe, **more}
    return ActiveProblem(code=code, summary=summary, cause=cause, **known)


# -- receiving ---------------------------------------------------------------------------------------------------------


def _receiving(snapshot: Snapshot, flow: Flow, now: float) -> Iterator[ActiveProblem]:
    # A worker that drains an old spool connects only after all new workers have subscribed. Until then, a missing
    # session is no problem.
    if not snapshot.subscribed and not (snapshot.draining and not snapshot.session_problem):
        yield _not_receiving(snapshot, flow, now)
    if snapshot.client_id_conflict:
        yield _problem("client-id-conflict", f"client ID conflict at {snapshot.broker}", snapshot.client_id_conflict)
    if snapshot.session_unstable:
        yield _problem("session-unstable", f"unstable session with {snapshot.broker}", snapshot.session_unstable)
    for code, cause in snapshot.lost_guarantees:
        yield _problem(code, f"{_NOT_GRANTED[code]} {snapshot.broker}", cause)


def _not_receiving(snapshot: Snapshot, flow: Flow, now: float) -> ActiveProblem:
    """Return the problem of a session that is missing, or that is not subscribed to all topics.

    1. Before the first subscription of this run: an error at once, because the configuration may be wrong.
    2. The broker refused a filter: an error at once, because a person must act.
    3. Otherwise the session is interrupted: a warning, and an error after OUTAGE_SECS.
    """
    secs = flow.unsubscribed_secs
    refused = snapshot.connected and bool(snapshot.session_problem)
    lasting = secs is None or secs >= OUTAGE_SECS
    since = (snapshot.started_at if secs is None else now - secs) or now
    code: ProblemCode = "not-subscribed" if snapshot.connected else "not-connected"
    what = "not subscribed to all topics at" if snapshot.connected else "no MQTT session with"
    return _problem(
        code,
        f"{what} {snapshot.broker}",
        snapshot.session_problem or ("no SUBACK yet" if snapshot.connected else "connecting"),
        severity="error" if refused or lasting else "warning",
        since=since,
        attempts=snapshot.session_attempts,
    )


# -- mapping -----------------------------------------------------------------------------------------------------------


def _mapping(snapshot: Snapshot, flow: Flow, _now: float) -> Iterator[ActiveProblem]:
    by_file: defaultdict[str, list[str]] = defaultdict(list)
    for file, text in snapshot.mapping_errors:
        by_file[file].append(text)
    for file, texts in by_file.items():
        yield _failing_file(snapshot, file, texts)
    for name, counts in flow.rejections.items():
        if counts.dead_lettered >= REJECTS_MIN_RECORDS and counts.dead_lettered > REJECTS_SHARE * counts.received:
            cause = f"{counts.dead_lettered:,} of the last {counts.received:,} records became dead letters"
            yield _problem("mapping-rejects", f"mapping {name} rejects most messages", cause, mapping=name)
    # Later messages do not show whether the cause was fixed. So the problem ends when no such dead letter is stored.
    if snapshot.poison_dead_letters:
        count = pluralize(snapshot.poison_dead_letters, "message")
        yield _problem("poison-messages", "messages ended the process and were not mapped again", count)


def _failing_file(snapshot: Snapshot, file: str, texts: list[str]) -> ActiveProblem:
    """Return the problem of a file that does not load: a mapping file, a lookup table, a schema file or the folder."""
    name = file.rpartition("/")[2].removesuffix(".yaml")
    more = [f"and {len(texts) - _CAUSES_SHOWN} more errors"] if len(texts) > _CAUSES_SHOWN else []
    cause = "\n".join([*texts[:_CAUSES_SHOWN], *more])
    # The error is in a lookup table, a schema file or the folder.
    if name not in snapshot.failing_mappings:
        return _problem("mapping-failing", f"{file} does not load", cause, mapping="")
    active = any(each.name == name for each in snapshot.coverage.mappings)
    state = "reload failed, the last good version stays active" if active else "not loaded"
    more_safe = {"safe": "The last good version of this mapping and all other mappings are active."} if active else {}
    return _problem("mapping-failing", f"mapping {name}: {state}", cause, mapping=name, **more_safe)


# -- spooling ----------------------------------------------------------------------------------------------------------


def _spooling(snapshot: Snapshot, flow: Flow, _now: float) -> Iterator[ActiveProblem]:
    if snapshot.blocked_reason:
        code: ProblemCode = "spool-full" if snapshot.spool_full else "spool-write-error"
        yield _problem(code, "back-pressure: reading from the broker is paused", snapshot.blocked_reason)
    if snapshot.damaged_spools:
        yield _problem("spool-damaged", "a damaged spool was set aside", f"{snapshot.damaged_spools} in spool.path")
    for stream, count in flow.dropped.items():
        yield _problem(
            "records-dropped",
            f"records of stream {stream} were dropped",
            f"{pluralize(count, 'record')} in the last hour",
            stream=stream,
        )
    # Other dead letters can be replayed, but evicted ones are lost.
    if flow.evicted:
        cause = f"{flow.evicted:,} in the last hour: spool.max_dead_letter_bytes is reached"
        yield _problem("dead-letters-evicted", "dead letters were evicted", cause)
    yield from map(_mismatch, (row for row in snapshot.ledger if not row.balanced))


def _mismatch(row: LedgerRow) -> ActiveProblem:
    accounted = row.delivered + row.filtered + row.dead_lettered + row.dropped + row.spooled
    return _problem(
        "ledger-mismatch",
        f"accounting mismatch on {row.mapping or '(no mapping)'} → {row.stream or '(no stream)'}",
        f"{row.received:,} received, {accounted:,} accounted for: off by {row.received - accounted:,}",
        mapping=row.mapping,
        stream=row.stream,
    )


# -- delivering --------------------------------------------------------------------------------------------------------


def _delivering(snapshot: Snapshot, flow: Flow, now: float) -> Iterator[ActiveProblem]:
    # All streams share one spool, so the buffer time is the same for each of them.
    hours = buffer_hours(snapshot, flow)
    buffered: defaultdict[str, int] = defaultdict(int)
    for row in snapshot.ledger:
        buffered[row.stream] += row.spooled
    for status in snapshot.streams:
        name = status.stream
        numbers = {
            "stream": name,
            "buffered_records": buffered[name],
            "dropped_records": flow.dropped.get(name, 0),
            "buffer_hours": hours,
        }
        yield from _stream(status, flow.streams.get(name, StreamFlow(name)), now, numbers)
    for name, why in snapshot.unsendable:
        numbers = {"stream": name, "buffered_records": buffered[name], "buffer_hours": hours}
        yield _problem("stream-format-unknown", f"records of stream {name} cannot be sent", why, **numbers)


def _stream(status: StreamStatus, flow: StreamFlow, now: float, numbers: Mapping[str, Any]) -> Iterator[ActiveProblem]:
    """Yield the first of these problems that the stream has, and also the problem of a hot key.

    1. Refused by AWS: a person must act, so this is an error from its beginning.
    2. Stalled (error): Kinesis has accepted nothing for STALLED_SECS. A throttled record counts as not accepted.
    3. Stalled (warning): several requests in a row failed (see `_stalled`).
    4. Falling behind: records are delivered, but fewer than arrive.

    Occasional failed requests are no problem as long as the backlog does not grow. `numbers` contains the fields that
    all these problems share.
    """
    name, at = status.stream, f" ({status.endpoint})" if status.endpoint else ""
    cause = f"{status.code}: {status.detail}" if status.code else ""
    attempts = status.failed_in_a_row
    if status.state == "refused":
        summary, since = f"AWS refuses the records of stream {name}{at}", now - status.bad_for_secs
        hint = {"advice": status.hint} if status.hint else {}
        yield _problem("stream-refused", summary, cause, since=since, attempts=attempts, **hint, **numbers)
    # Without buffered records, nothing is sent, so Kinesis cannot accept a record.
    elif numbers["buffered_records"] and (stalled := _stalled(status, flow)):
        summary = f"Kinesis accepts no records of stream {name}{at}"
        cause = cause or "no request was answered"
        since = now - flow.stalled_secs
        yield _problem("stream-stalled", summary, cause, severity=stalled, since=since, attempts=attempts, **numbers)
    elif flow.behind_secs:
        summary = f"stream {name} falls behind{at}"
        yield _problem("stream-falling-behind", summary, _behind(flow, cause), since=now - flow.behind_secs, **numbers)
    if status.hot_key:
        summary = f"one partition key of stream {name} is too busy for a shard"
        cause = f"partition key '{status.hot_key}' alone has as many records as a shard accepts, or more"
        yield _problem("hot-key", summary, cause, **numbers)


def _stalled(status: StreamStatus, flow: StreamFlow) -> Severity | None:
    """Return the severity of a stall. Return None if Kinesis probably still accepts records of the stream."""
    if flow.stalled_secs >= STALLED_SECS:
        return "error"
    # If Kinesis has never accepted a record of the stream, the configuration may be wrong. So the warning does not wait
    # for UNANSWERED_SECS.
    unproven = not status.delivered or flow.stalled_secs >= UNANSWERED_SECS
    return "warning" if unproven and status.failed_in_a_row >= UNANSWERED_ATTEMPTS else None


def _behind(flow: StreamFlow, cause: str) -> str:
    """Return the cause of a stream that falls behind: its rates, and its last error if there is one."""
    received, delivered = flow.received_per_sec or 0.0, flow.delivered_per_sec or 0.0
    rates = f"{received:,.1f} records/s arrive, {delivered:,.1f} records/s are accepted"
    return f"{rates}; {cause}" if cause else rates


def _running(snapshot: Snapshot, _flow: Flow, _now: float) -> Iterator[ActiveProblem]:
    yield from find_process_problems(snapshot)


_RULES: Final[tuple[Rule, ...]] = (_receiving, _mapping, _spooling, _delivering, _running)
