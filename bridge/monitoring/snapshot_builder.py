"""How a bridge stands: one look at all of its parts, for the page, the metrics and the commands."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

from bridge.histogram import added
from bridge.monitoring.snapshot import SHOWN_LETTERS, DeadLettersByCode, DeadLetterSummary, Snapshot
from bridge.spool.directory import bytes_on_disk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.delivery.stream_sender import StreamSender
    from bridge.delivery.stream_status import StreamStatus
    from bridge.ingest.loop import IngestLoop
    from bridge.mapping.loading.live_mappings import LiveMappings
    from bridge.mqtt.subscriber import Subscriber
    from bridge.spool.store import Spool


class SnapshotBuilder:
    """Any thread. It changes nothing."""

    def __init__(
        self,
        client_id: str,
        subscriber: Subscriber,
        ingest: IngestLoop,
        spool: Spool,
        mappings: LiveMappings,
        publisher: object,
    ) -> None:
        self.settings_fingerprint = ""
        self._client_id = client_id
        self._subscriber = subscriber
        self._ingest = ingest
        self._spool = spool
        self._mappings = mappings
        self._publisher = publisher
        self._started_at = time.time()

    def snapshot(self, senders: Sequence[StreamSender], problems: Sequence[str], stalled: Sequence[str]) -> Snapshot:
        """`problems`, `stalled`: what the caller knows to be wrong beside what is seen here."""
        session, counts, mappings = self._subscriber.state(), self._ingest.counts, self._mappings
        streams = tuple(sender.status() for sender in senders)
        aside = self._spool.folder.set_aside_count()
        wrong = [session.problem, session.rival, self._ingest.problem, *map(str, mappings.problems)]
        return Snapshot(
            broker=session.broker,
            protocol=session.protocol,
            connected=session.connected,
            subscribed=session.subscribed,
            connections=session.connections,
            client_id=self._client_id,
            rival=session.rival,
            received_messages=counts.messages,
            payload_bytes=counts.payload_bytes,
            redelivered=counts.redelivered,
            unmatched=counts.unmatched,
            blocked=self._ingest.problem,
            stalled=tuple(stalled),
            problems=tuple(filter(None, (*wrong, *_of_streams(streams), *problems, *self._of_spool(aside)))),
            failing_mappings=mappings.failing,
            reloads=mappings.reloads,
            reloaded_at=mappings.reloaded_at,
            mappings_fingerprint=mappings.fingerprint,
            settings_fingerprint=self.settings_fingerprint,
            started_at=self._started_at,
            coverage=self._ingest.coverage.report(mappings.routes.mappings, time.time_ns() // 1_000_000),
            streams=streams,
            answers={sender.stream: sender.answers() for sender in senders},
            credentials_expire_at=getattr(self._publisher, "credentials_expire_at", None),
            damaged_spools=aside,
            **self._stored(),
            **self._timed(),
        )

    def _stored(self) -> dict[str, Any]:
        spool, folder = self._spool, self._spool.folder.path
        letters = spool.newest_letters(SHOWN_LETTERS)
        return {
            "ledger": tuple(spool.ledger_rows()),
            "spool_bytes": bytes_on_disk(folder),
            "spool_max_bytes": spool.settings.max_bytes,
            "disk_free_bytes": shutil.disk_usage(folder).free,
            "dead_letter_count": spool.dead_letter_counts.count,
            "dead_letter_bytes": spool.dead_letter_counts.size,
            "dead_letter_max_bytes": spool.settings.max_dead_letter_bytes,
            "letters_by_code": tuple(
                DeadLettersByCode(*each) for each in sorted(spool.dead_letter_counts.codes.copy().items())
            ),
            "dead_letters": tuple(
                DeadLetterSummary(number, letter.mapping, letter.topic, letter.code, letter.detail)
                for number, letter in letters
            ),
        }

    def _timed(self) -> dict[str, Any]:
        commits = [queue.commits for queue in list(self._spool.queues.values())]
        return {
            "receive_to_spool": self._ingest.latency.value(),
            "spool_to_delivered": added([each.from_disk.value() for each in commits]),
            "receive_to_delivered": added([each.from_arrival.value() for each in commits]),
        }

    def _of_spool(self, aside: int) -> Iterator[str]:
        if evicted := self._spool.dead_letter_counts.evicted:
            yield f"{evicted} dead letters gave way to newer ones: see spool.max_dead_letter_bytes"
        if aside:
            yield f"{aside} damaged spool(s) set aside in {self._spool.folder.path}"


def _of_streams(streams: Sequence[StreamStatus]) -> Iterator[str]:
    yield from (f"{each.stream}: {each.detail}; {each.hint}" for each in streams if each.state == "refused")
    for each in streams:
        if each.hot_key:
            yield f"{each.stream}: partition key '{each.hot_key}' alone brings as much as a shard takes, or more"
