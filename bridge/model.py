"""Data types shared by the modules: a message from the broker, a record for Kinesis, a dead letter, and others."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_PARTITION_KEY_CHARS = 256
"""Maximum length of a partition key in Unicode characters:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html"""

MAX_RECORD_BYTES = 10 * 1024 * 1024
"""Maximum size of a record's data and partition key together, on a stream with the highest MaxRecordSizeInKiB (10240):
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateMaxRecordSize.html"""

DEFAULT_RECORD_BYTES = 1024 * 1024
"""Maximum record size of a stream with the default MaxRecordSizeInKiB (1 MiB)."""

SPREAD_KEY_BYTES = 1
"""Size of the partition key that `spread_key` returns for a large record."""
LONG_DATA_BYTES = DEFAULT_RECORD_BYTES - 1024
"""Data size above which `spread_key` returns the shortest key.

A longer key could make such a record larger than a stream of the default record size accepts.
"""
_SHORT_KEYS = [chr(code) for code in range(ord("!"), ord("~") + 1)]

REGION = r"^[a-z]{2,5}(-[a-z]+){1,3}-[0-9]{1,2}$"
"""Regular expression for an AWS region's name."""

NO_PROPERTIES: Mapping[str, Any] = {}

RejectionCode: TypeAlias = Literal["decode", "transform", "partition_key", "too_large", "internal"]
"""Reason why a mapping rejects a message or a record. `internal` means a bug of the bridge."""

DeadLetterCode: TypeAlias = Literal[RejectionCode, "topic", "invalid", "poison"]
"""Reason of a dead letter.

`topic`: the topic is not UTF-8. `invalid`: Kinesis can never accept the record. `poison`: processes ended while they
mapped the message (bridge/ingest/poison_guard.py).
"""

ReplayCode: TypeAlias = Literal["no_output", "no_match", "no_item"]
"""Reason why a dead letter cannot be replayed: the mapping has changed since."""


class Message(NamedTuple):
    """One MQTT message as received. `received_at_ms` is milliseconds since 1970, UTC."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    received_at_ms: int
    properties: Mapping[str, Any] = NO_PROPERTIES


def spread_key(number: int, data_bytes: int, attempt: int = 0) -> str:
    """Return a partition key for a record that has none. Such keys spread the records evenly over all shards.

    The key depends on the record's number. Each value of `attempt`, from 0, gives another key for the same record. The
    key of a large record has only one character, so that the record stays within the maximum record size.
    """
    if data_bytes > LONG_DATA_BYTES:
        return _SHORT_KEYS[(number + attempt) % len(_SHORT_KEYS)]
    return f"{number}-{attempt}" if attempt else str(number)


@dataclass(frozen=True, slots=True)
class Destination:
    """Stream and send settings of a queue's records. Two outputs share a queue if all these fields are equal.

    `str(destination)` is the queue's name in the spool, the ledger and the dead letters: the stream, followed by
    ` setting=value` for every setting that is not the default. Because the name contains the settings, records are
    still sent with these settings after their mapping was removed.
    """

    data_stream: str
    packing: str = "none"
    compression: str = "none"
    order: str = "best_effort"
    keys: str = "own"
    """Source of the partition keys. `own`: each record in the spool has a key. `spread`: the output has no key, and the
    packer chooses a key for each packed record."""
    region: str = ""
    role_arn: str = ""
    """If `region` or `role_arn` is empty, the one configured in the section `kinesis` applies."""

    def __str__(self) -> str:
        changed = [each.name for each in fields(self)[1:] if getattr(self, each.name) != each.default]
        return " ".join([self.data_stream, *(f"{name}={getattr(self, name)}" for name in changed)])

    @classmethod
    def parse(cls, name: str) -> Destination:
        """Return the destination with this queue name. Raises ValueError for a setting of a newer version."""
        # Data stream names contain no space: the first word is always the stream.
        data_stream, *settings = name.split(" ")
        values = dict(setting.split("=", 1) for setting in settings)
        if unknown := values.keys() - {each.name for each in fields(cls)[1:]}:
            raise ValueError(f"'{name}': this version does not know {', '.join(sorted(unknown))}")
        return cls(data_stream, **values)


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a mapping. `number` is its index in the mapping's `outputs`."""

    number: int
    data_stream: str
    partition_key: str | None = None
    partition_key_from: str | None = None
    packing: str = "none"
    compression: str = "none"
    order: str = "best_effort"
    linger_ms: int | None = None
    max_record_bytes: int | None = None
    envelope: bool = False
    region: str | None = None
    role_arn: str | None = None

    @property
    def spread(self) -> bool:
        """True if the output has no partition key: its records are spread over all shards."""
        return self.partition_key is None and self.partition_key_from is None

    @property
    def tuning(self) -> BatchingOptions:
        """Batching options for the output's records."""
        return BatchingOptions(self.linger_ms, self.max_record_bytes)

    @property
    def destination(self) -> Destination:
        """Destination that names the queue of the output's records."""
        # Without packing, the spool gives each record its key (`own`), also if the output has none.
        packed = self.packing != "none"
        keys = "spread" if packed and self.spread else "own"
        return Destination(
            self.data_stream, self.packing, self.compression, self.order, keys, self.region or "", self.role_arn or ""
        )


class UnnumberedEnvelope(bytes):
    """A record's data in an envelope whose id is still missing. The spool sets the id when it numbers the record."""

    UNNUMBERED: ClassVar = b'{"id":"00000000-0000-000000000000'
    """Beginning of every envelope, with an id of zeros."""

    def numbered(self, spool: bytes, queue: int, number: int) -> bytes:
        """Return the envelope with its id: spool, queue and record number, in 8, 4 and 12 hexadecimal digits."""
        return b'{"id":"%b-%04x-%012x%b' % (spool, queue, number, self[len(self.UNNUMBERED) :])

    @staticmethod
    def late(data: bytes, spool: bytes, queue: int, number: int) -> bytes:
        """Return the envelope with `"late":true` after its id. Return data that has no envelope unchanged."""
        head = b'{"id":"%b-%04x-%012x"' % (spool, queue, number)
        return b'%b,"late":true%b' % (head, data[len(head) :]) if data.startswith(head) else data


class NewRecord(NamedTuple):
    """A record that a mapping created, before the spool numbers it.

    `output` is the number of the mapping's output. If `key` is None, the record may go to any shard.
    """

    output: int
    key: str | None
    data: bytes


class Rejection(NamedTuple):
    """A message, or one item of a message, that a mapping could not process.

    `outputs` are the numbers of the outputs that got no record. `item` is the index of the item in a mapping with
    `each`, and None if the complete message is rejected.
    """

    outputs: tuple[int, ...]
    item: int | None
    code: RejectionCode | ReplayCode
    detail: str


class OutgoingMessage(NamedTuple):
    """A message that a mapping publishes with QoS 0, such as a rebirth request."""

    topic: str
    payload: bytes


class ReleasedRecord(NamedTuple):
    """A record that `sample` released. `destination` names its queue (see `Destination`)."""

    destination: str
    key: str | None
    data: bytes


class SideEffects(NamedTuple):
    """Results of a stateful mapping other than records.

    `filtered` is the number of messages to count as filtered. `commands` are published after the commit. `released` are
    records of earlier messages.
    """

    filtered: int = 0
    commands: tuple[OutgoingMessage, ...] = ()
    released: tuple[ReleasedRecord, ...] = ()


class MappingResult(NamedTuple):
    """Result of one mapping for one message. If all fields are empty, the mapping has filtered the message."""

    drafts: list[NewRecord]
    rejections: tuple[Rejection, ...] = ()
    effects: SideEffects | None = None


class Record(NamedTuple):
    """One record of a queue in the spool.

    `number` counts up per queue. `mapping` is the spool's number for the mapping that created the record.
    """

    number: int
    mapping: int
    key: str
    data: bytes


def data_and_key_bytes(records: Sequence[Record]) -> tuple[int, int]:
    """Return the total size of the data, and of the partition keys in UTF-8. The limits of Kinesis include both.

    This runs several times for every record. Access by index takes half the time of access by name, and one joined
    string is faster than a loop over the keys.
    """
    keys = "".join([record[2] for record in records])
    return sum([len(record[3]) for record in records]), len(keys) if keys.isascii() else len(keys.encode())


class DeadLetter(NamedTuple):
    """A message or record that can never be delivered, with the reason. It is stored until a person handles it.

    If `kind` is "message", `payload` is the payload of the MQTT message, which can be mapped again. If `kind` is
    "record", `payload` is the data of a record that Kinesis can never accept, and `key` is its partition key.

    `streams` are the queues that got no record. `total_bytes` is the size of the complete payload. If the payload is
    oversized, only its beginning is stored.
    """

    kind: str
    mapping: str
    streams: tuple[str, ...]
    item: int | None
    code: str
    detail: str
    topic: str
    payload: bytes
    total_bytes: int
    qos: int
    retain: bool
    received_at_ms: int
    properties: Mapping[str, Any] = NO_PROPERTIES
    key: str | None = None

    @property
    def message(self) -> Message:
        """The message as received, to be mapped again. An oversized payload is truncated."""
        return Message(self.topic, self.payload, self.qos, self.retain, self.received_at_ms, self.properties)

    @classmethod
    def of_message(
        cls,
        message: Message,
        total_bytes: int,
        code: DeadLetterCode | ReplayCode,
        detail: str,
        mapping: str = "",
        streams: tuple[str, ...] = (),
        item: int | None = None,
    ) -> DeadLetter:
        """Return a dead letter with the message as received. `mapping` is "" if no mapping processed it."""
        return cls(
            kind="message",
            mapping=mapping,
            streams=streams,
            item=item,
            code=code,
            detail=detail,
            topic=message.topic,
            payload=message.payload,
            total_bytes=total_bytes,
            qos=message.qos,
            retain=message.retain,
            received_at_ms=message.received_at_ms,
            properties=message.properties,
        )


class BatchingOptions(NamedTuple):
    """Send options of a queue that may change without creating another queue. None stands for the general setting."""

    linger_ms: int | None = None
    max_record_bytes: int | None = None

    def with_(self, other: BatchingOptions) -> BatchingOptions:
        """Return options that respect both: the shorter linger, and the smaller record size."""
        pairs = zip(self, other, strict=True)
        return BatchingOptions(*(min((value for value in pair if value is not None), default=None) for pair in pairs))


SAMPLE_ROWS = "sample "
"""Prefix of the keys under which `sample` stores its records. A store does not evict these rows by itself."""


class StateStore(Protocol):
    """State that a mapping keeps from one message to the next: bytes by key.

    Not thread-safe: in a running bridge, only the ingest thread uses it. The spool writes each change in the same
    transaction as the message that caused it (bridge/spool/mapping_state.py). So the state always corresponds exactly
    to the acknowledged messages.
    """

    def get(self, key: str) -> bytes | None:
        """Return the value, or None if there is none."""

    def put(self, key: str, value: bytes) -> None:
        """Store a copy of the value under the key, replacing any earlier one. Other keys may be evicted."""

    def forget(self, key: str) -> None:
        """Remove the key and its value, if present."""

    def evict(self, key: str) -> None:
        """Remove the key and its value, if present, to make room. The number of evictions is counted."""

    @property
    def crowded(self) -> bool:
        """True if the store has no room, so that rows of `sample` (SAMPLE_ROWS) must be evicted."""

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Return all keys and values, in the order in which they were last put.

        Do not change the store while iterating.
        """

    def __len__(self) -> int:
        """Return the number of keys."""
