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
"""Size in bytes of the partition key that `spread_key` returns for a large record."""
LONG_DATA_BYTES = DEFAULT_RECORD_BYTES - 1024
"""Size of a record's data in bytes above which `spread_key` returns a key of one byte.

With a longer key, such a record could exceed DEFAULT_RECORD_BYTES.
"""
_SHORT_KEYS = [chr(code) for code in range(ord("!"), ord("~") + 1)]

REGION = r"^[a-z]{2,5}(-[a-z]+){1,3}-[0-9]{1,2}$"
"""Regular expression for an AWS region's name."""

NO_PROPERTIES: Mapping[str, Any] = {}

RejectionCode: TypeAlias = Literal["decode", "transform", "partition_key", "too_large", "internal"]
"""Reason why a mapping rejects a message or a record. `internal` means a bug of the bridge."""

DeadLetterCode: TypeAlias = Literal[RejectionCode, "topic", "invalid", "poison"]
"""Reason of a dead letter.

`topic`: the topic is not UTF-8. `invalid`: Kinesis can never accept the record. `poison`: the process ended repeatedly
while it mapped the message (bridge/ingest/poison_guard.py).
"""

ReplayCode: TypeAlias = Literal["no_output", "no_match", "no_item"]
"""Reason why a dead letter cannot be replayed. In all three cases, the mapping was changed after the rejection."""


class Message(NamedTuple):
    """One MQTT message as received. `received_at_ms` is milliseconds since 1970, UTC."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    received_at_ms: int
    properties: Mapping[str, Any] = NO_PROPERTIES


def spread_key(number: int, data_bytes: int, attempt: int = 0) -> str:
    """Return a partition key for a record that has none. These keys spread the records evenly over all shards.

    The key is computed from the record's number. For the same number, each value of `attempt` (0, 1, 2, …) results in
    another key. The key of a large record has only one character, so that the record does not become too large.
    """
    if data_bytes > LONG_DATA_BYTES:
        return _SHORT_KEYS[(number + attempt) % len(_SHORT_KEYS)]
    return f"{number}-{attempt}" if attempt else str(number)


@dataclass(frozen=True, slots=True)
class Destination:
    """Stream and send settings of a queue's records. Two outputs share a queue if all of these fields are equal.

    `str(destination)` is the queue's name, such as `telemetry packing=lines`. It contains the stream, and ` name=value`
    for every setting that is not the default. Because the name contains the settings, the records can still be sent
    after their mapping was removed.
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
    """If `region` or `role_arn` is empty, the value in the section `kinesis` of bridge.yaml applies."""

    def __str__(self) -> str:
        changed = [each.name for each in fields(self)[1:] if getattr(self, each.name) != each.default]
        return " ".join([self.data_stream, *(f"{name}={getattr(self, name)}" for name in changed)])

    @classmethod
    def parse(cls, name: str) -> Destination:
        """Return the destination with this queue name. Raises ValueError if the name has an unknown setting."""
        # Names of data streams contain no space, so the first word is the stream.
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
        """Batching options of the output's records."""
        return BatchingOptions(self.linger_ms, self.max_record_bytes)

    @property
    def destination(self) -> Destination:
        """Destination of the output's records. It determines their queue."""
        # Without packing, each record has its own key. If the output has no key, the spool creates a key.
        packed = self.packing != "none"
        keys = "spread" if packed and self.spread else "own"
        return Destination(
            self.data_stream, self.packing, self.compression, self.order, keys, self.region or "", self.role_arn or ""
        )


class UnnumberedEnvelope(bytes):
    """A record's data in an envelope without an id. The spool inserts the id when it numbers the record."""

    UNNUMBERED: ClassVar = b'{"id":"00000000-0000-000000000000'
    """Beginning of every envelope, with an id of zeros."""

    def numbered(self, spool: bytes, queue: int, number: int) -> bytes:
        """Return the envelope with its id: spool, queue and record number, in 8, 4 and 12 hexadecimal digits."""
        return b'{"id":"%b-%04x-%012x%b' % (spool, queue, number, self[len(self.UNNUMBERED) :])

    @staticmethod
    def late(data: bytes, spool: bytes, queue: int, number: int) -> bytes:
        """Return an envelope with `"late":true` after its id, which means: newer records were sent before it."""
        head = b'{"id":"%b-%04x-%012x"' % (spool, queue, number)
        return b'%b,"late":true%b' % (head, data[len(head) :]) if data.startswith(head) else data


class NewRecord(NamedTuple):
    """A record that a mapping has created. It has no number yet.

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
    """A message that a mapping publishes with QoS 0, such as a rebirth request of Sparkplug."""

    topic: str
    payload: bytes


class ReleasedRecord(NamedTuple):
    """A record that the mapping stage `sample` had stored and now releases. `destination` is the name of its queue."""

    destination: str
    key: str | None
    data: bytes


class SideEffects(NamedTuple):
    """Further results of a stateful mapping, in addition to its new records.

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

    Each record of a queue has a `number`, which increases by 1 from record to record. `mapping` is the number that the
    spool has assigned to the mapping.
    """

    number: int
    mapping: int
    key: str
    data: bytes


def data_and_key_bytes(records: Sequence[Record]) -> tuple[int, int]:
    """Return the total bytes of the data, and of the partition keys in UTF-8. The limits of Kinesis include both.

    Speed matters, because this runs several times for every record. Access by index takes half the time of access by
    name. Joining all keys is faster than a loop over them.
    """
    keys = "".join([record[2] for record in records])
    return sum([len(record[3]) for record in records]), len(keys) if keys.isascii() else len(keys.encode())


class DeadLetter(NamedTuple):
    """A message or record that can never be delivered, with the reason. It is stored until a person handles it.

    If `kind` is "message", `payload` is the payload of the MQTT message, which can be mapped again. If `kind` is
    "record", `payload` is the data of a record that Kinesis can never accept, and `key` is its partition key.

    `streams` are the queues that received no record. `total_bytes` is the size of the complete payload. Only the
    beginning of an oversized payload is stored.
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
    """Send options that are not part of a queue's name. None means that the setting in bridge.yaml applies."""

    linger_ms: int | None = None
    max_record_bytes: int | None = None

    def with_(self, other: BatchingOptions) -> BatchingOptions:
        """Return the shorter linger and the smaller record size of both options."""
        pairs = zip(self, other, strict=True)
        return BatchingOptions(*(min((value for value in pair if value is not None), default=None) for pair in pairs))


SAMPLE_ROWS = "sample "
"""Prefix of the keys under which the mapping stage `sample` stores records. A store never evicts these rows itself."""


class StateStore(Protocol):
    """Values that a mapping stores between two messages: bytes by key.

    Not thread-safe: in a running bridge, only the ingest thread uses the state. The spool writes each change in the
    same transaction as the message that caused the change (bridge/spool/mapping_state.py). So the state always
    corresponds exactly to the acknowledged messages.
    """

    def get(self, key: str) -> bytes | None:
        """Return the value of the key, or None if the key does not exist."""

    def put(self, key: str, value: bytes) -> None:
        """Set the value of the key to a copy of `value`. To make room, other keys may be evicted."""

    def forget(self, key: str) -> None:
        """Remove the key and its value, if present."""

    def evict(self, key: str) -> None:
        """Remove the key and its value, if present, and count this as an eviction."""

    @property
    def crowded(self) -> bool:
        """True if the store is too full, so that the mapping must release records of `sample` early."""

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Return all keys and values, in the order in which they were last put.

        Do not change the store while iterating.
        """

    def __len__(self) -> int:
        """Return the number of keys."""
