"""Builder of snapshots. It collects the state of all parts of the bridge."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

from bridge.histogram import added
from bridge.monitoring.problem_monitor import ProblemMonitor
from bridge.monitoring.resident_memory import resident_bytes
from bridge.monitoring.snapshot import SHOWN_DEAD_LETTERS, DeadLettersByCode, DeadLetterSummary, MappingError, Snapshot
from bridge.monitoring.start_time import StartTime
from bridge.spool.directory import bytes_on_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.delivery.endpoint_status import EndpointStatus
    from bridge.delivery.stream_sender import StreamSender
    from bridge.ingest.loop import IngestLoop
    from bridge.kinesis.bandwidth import BandwidthLimiter
    from bridge.mapping.loading.live_mappings import LiveMappings
    from bridge.monitoring.problem_history import ProblemHistory
    from bridge.mqtt.subscriber import Subscriber
    from bridge.spool.store import Spool


class SnapshotBuilder:
    """Builder of the snapshots of one bridge. Any thread may call it. It only reads the state of the parts."""

    def __init__(
        self,
        client_id: str,
        subscriber: Subscriber,
        ingest: IngestLoop,
        spool: Spool,
        mappings: LiveMappings,
        publisher: object,
        endpoints: Callable[[], tuple[EndpointStatus, ...]] = lambda: (),
        bandwidth: BandwidthLimiter | None = None,
        history: ProblemHistory | None = None,
    ) -> None:
        self.settings_fingerprint = ""
        self.draining = False
        self._client_id = client_id
        self._subscriber = subscriber
        self._ingest = ingest
        self._spool = spool
        self._mappings = mappings
        self._publisher = publisher
        self._endpoints = endpoints
        self._start_time = StartTime()
        self._bandwidth = bandwidth
        self._monitor = ProblemMonitor(history=history)

    def snapshot(
        self,
        senders: Sequence[StreamSender],
        *,
        stalled: Sequence[str] = (),
        unsendable: Mapping[str, str] | None = None,
        page_problem: str = "",
        stopped: bool = False,
    ) -> Snapshot:
        """Return a snapshot with the state of all parts, and with the problems.

        The caller passes the values that no part knows: the reasons why threads are `stalled`, the reasons why records
        are `unsendable` (by stream), and `page_problem`. If the bridge has `stopped`, the snapshot has no problems,
        because the missing session is then not a problem.
        """
        facts = self._facts(senders, tuple(stalled), dict(unsendable or {}), page_problem)
        return facts if stopped else self._monitor.assess(facts)

    def _facts(
        self, senders: Sequence[StreamSender], stalled: tuple[str, ...], unsendable: dict[str, str], page_problem: str
    ) -> Snapshot:
        session, counts, mappings = self._subscriber.state(), self._ingest.counts, self._mappings
        streams = tuple(sender.status() for sender in senders)
        return Snapshot(
            broker=session.broker,
            protocol=session.protocol,
            connected=session.connected,
            subscribed=session.subscribed,
            connections=session.connections,
            client_id=self._client_id,
            client_id_conflict=session.conflict,
            session_unstable=session.unstable,
            lost_guarantees=tuple((each.code, each.cause) for each in session.lost_guarantees),
            received_messages=counts.messages,
            payload_bytes=counts.payload_bytes,
            redelivered=counts.redelivered,
            unmatched=counts.unmatched,
            blocked_reason=self._ingest.problem,
            spool_full=self._ingest.spool_full,
            session_problem=session.problem,
            session_attempts=session.attempts,
            draining=self.draining,
            stalled=stalled,
            unsendable=tuple(unsendable.items()),
            page_problem=page_problem,
            problems=(),
            mapping_errors=tuple(MappingError(each.file, str(each)) for each in mappings.problems),
            endpoints=self._endpoints(),
            failing_mappings=mappings.failing,
            reloads=mappings.reloads,
            reloaded_at=mappings.reloaded_at,
            mappings_fingerprint=mappings.fingerprint,
            settings_fingerprint=self.settings_fingerprint,
            started_at=self._start_time.epoch_secs(),
            coverage=self._ingest.coverage.report(mappings.routes.mappings, self._spool.clock.now_ms()),
            streams=streams,
            request_latency={sender.stream: sender.latency_histogram() for sender in senders},
            # Publishers of tests and of the dry run have no credentials.
            credentials_expire_at=getattr(self._publisher, "credentials_expire_at", None),
            damaged_spools=self._spool.folder.quarantine_count(),
            cpu_secs=time.process_time(),
            memory_bytes=resident_bytes(),
            max_bytes_per_sec=self._bandwidth.max_bytes_per_sec if self._bandwidth is not None else 0,
            **self._stored(),
            **self._timed(),
        )

    def _stored(self) -> dict[str, Any]:
        spool, folder = self._spool, self._spool.folder.path
        dead_letters = spool.newest_dead_letters(SHOWN_DEAD_LETTERS)
        return {
            "ledger": tuple(spool.ledger_rows()),
            "spool_bytes": bytes_on_disk(folder),
            "spool_max_bytes": spool.settings.max_bytes,
            "spool_min_free_bytes": spool.settings.min_free_bytes,
            "disk_free_bytes": shutil.disk_usage(folder).free,
            "mapping_states": tuple(spool.states.usage()),
            "dead_letter_count": spool.dead_letter_counts.count,
            "dead_letter_bytes": spool.dead_letter_counts.size,
            "dead_letter_max_bytes": spool.settings.dead_letter_bytes,
            "poison_dead_letters": spool.dead_letter_counts.poison,
            "dead_letters_by_code": tuple(
                DeadLettersByCode(*each) for each in sorted(spool.dead_letter_counts.codes.copy().items())
            ),
            "dead_letters": tuple(
                DeadLetterSummary(number, dead_letter.mapping, dead_letter.topic, dead_letter.code, dead_letter.detail)
                for number, dead_letter in dead_letters
            ),
        }

    def _timed(self) -> dict[str, Any]:
        commits = [queue.commits for queue in list(self._spool.queues.values())]
        return {
            "receive_to_spool": self._ingest.latency.value(),
            "spool_to_delivered": added([each.from_disk.value() for each in commits]),
            "receive_to_delivered": added([each.from_arrival.value() for each in commits]),
        }
