"""Merging of the links to AWS and of the flows of several workers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.delivery.endpoint_status import EndpointStatus
    from bridge.monitoring.stream_flow import StreamFlow

# Current values, which are 0 after the end of a process.
_LEVELS: Final = ("window_bytes", "max_requests", "requests", "bytes_in_flight")
# Fields that are added. Each worker measures only its own part of the bandwidth, so the sum is the link's bandwidth.
_SUMS: Final = ("bandwidth", "timeouts", "outcome_unknown", "sent_bytes", *_LEVELS)


def merge_endpoints(parts: Iterable[Sequence[EndpointStatus]]) -> tuple[EndpointStatus, ...]:
    """Return one status for each endpoint. `parts` contains the endpoints of each worker."""
    by_name: defaultdict[str, list[EndpointStatus]] = defaultdict(list)
    for part in parts:
        for each in part:
            by_name[each.endpoint].append(each)
    return tuple(_endpoint(by_name[name]) for name in sorted(by_name))


def _endpoint(parts: Sequence[EndpointStatus]) -> EndpointStatus:
    sums: dict[str, Any] = {name: sum(getattr(each, name) for each in parts) for name in _SUMS}
    measured = [each.answer_secs for each in parts if each.bandwidth and each.answer_secs]
    return replace(
        parts[0],
        **sums,
        # The shortest time is the best measurement, because a longer time includes a wait for other requests.
        answer_secs=min(measured, default=0.0),
        request_bytes=max(each.request_bytes for each in parts),
        limited_secs=max(each.limited_secs for each in parts),
    )


def idle_endpoints(endpoints: Iterable[EndpointStatus]) -> tuple[EndpointStatus, ...]:
    """Return the endpoints of a process that has ended: counters stay, and measurements and current values are 0."""
    levels: dict[str, Any] = dict.fromkeys(("request_bytes", *_LEVELS), 0)
    return tuple(replace(each, **levels, bandwidth=0.0, answer_secs=0.0, limited_secs=0.0) for each in endpoints)


def merge_flows(parts: Iterable[Sequence[StreamFlow]]) -> tuple[StreamFlow, ...]:
    """Return one flow for each stream. Rates are added, and times are those of the slowest worker."""
    by_name: defaultdict[str, list[StreamFlow]] = defaultdict(list)
    for part in parts:
        for each in part:
            by_name[each.stream].append(each)
    return tuple(_flow(by_name[name]) for name in sorted(by_name))


def _flow(parts: Sequence[StreamFlow]) -> StreamFlow:
    return replace(
        parts[0],
        stalled_secs=max(each.stalled_secs for each in parts),
        behind_secs=max(each.behind_secs for each in parts),
        received_per_sec=_total([each.received_per_sec for each in parts]),
        delivered_per_sec=_total([each.delivered_per_sec for each in parts]),
        # The workers drain their spools at the same time, so the slowest worker determines the time.
        drain_secs=max((each.drain_secs for each in parts if each.drain_secs is not None), default=None),
    )


def _total(rates: Iterable[float | None]) -> float | None:
    known = [each for each in rates if each is not None]
    return sum(known) if known else None
