"""The nouns that travel between the modules: a message from the broker, a record for Kinesis, a dead letter."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PARTITION_KEY_CHARS = 256
"""Unicode characters: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html"""

MAX_RECORD_BYTES = 10 * 1024 * 1024
"""Data and partition key together, on a stream raised to the highest MaxRecordSizeInKiB (10240):
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateMaxRecordSize.html"""

DEFAULT_RECORD_BYTES = 1024 * 1024
"""What a stream takes unless it was raised (1 MiB)."""

REGION = r"^[a-z]{2,5}(-[a-z]+){1,3}-[0-9]{1,2}$"
"""The form of an AWS region's name."""

NO_PROPERTIES: Mapping[str, Any] = {}

RejectionCode: TypeAlias = Literal["decode", "transform", "partition_key", "too_large", "internal"]
"""Why a mapping rejects a message or a record; `internal`: a bug of the bridge."""

DeadLetterCode: TypeAlias = Literal[RejectionCode, "topic", "invalid"]
"""Why there is a dead letter: also a topic that is not UTF-8, and a record that Kinesis can never accept."""

ReplayCode: TypeAlias = Literal["no_output", "no_match", "no_item"]
"""Why a dead letter cannot be replayed: the mapping has changed since."""


class Message(NamedTuple):
    """One MQTT message as received. `received_at_ms` is milliseconds since 1970, UTC."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    received_at_ms: int
    properties: Mapping[str, Any] = NO_PROPERTIES


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a queue's records go, and how: all that two outputs must share to share a queue.

    `str()` of it names the queue in the spool, the books and the dead letters: the stream, and after it, with a space
    before each, `setting=value` for every setting that is not the default. So records that outlive the mapping which
    made them are still sent as it said.
    """

    data_stream: str
    packing: str = "none"
    compression: str = "none"
    order: str = "best_effort"
    keys: str = "own"
    """`spread`: each packed record is given a key of its own choosing; plain records are given theirs by the spool."""
    region: str = ""
    role_arn: str = ""
    """Empty: those of the publisher."""

    def __str__(self) -> str:
        changed = [each.name for each in fields(self)[1:] if getattr(self, each.name) != each.default]
        return " ".join([self.data_stream, *(f"{name}={getattr(self, name)}" for name in changed)])

    @classmethod
    def parse(cls, name: str) -> Destination:
        """The destination that a queue's name says. ValueError where a newer version of this program wrote it."""
        data_stream, *settings = name.split(" ")
        values = dict(setting.split("=", 1) for setting in settings)
        if unknown := values.keys() - {each.name for each in fields(cls)[1:]}:
            raise ValueError(f"'{name}': this version does not know {', '.join(sorted(unknown))}")
        return cls(data_stream, **values)


@dataclass(frozen=True, slots=True)
class Output:
    """Where a mapping's records go. `number` is its place in the mapping's `outputs`."""

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
        """Neither key is given: records are spread over all shards."""
        return self.partition_key is None and self.partition_key_from is None

    @property
    def tuning(self) -> BatchingOptions:
        """How its records are sent."""
        return BatchingOptions(self.linger_ms, self.max_record_bytes)

    @property
    def destination(self) -> Destination:
        """What names the queue of its records."""
        packed = self.packing != "none"
        keys = "spread" if packed and self.spread else "own"
        return Destination(
            self.data_stream, self.packing, self.compression, self.order, keys, self.region or "", self.role_arn or ""
        )


class UnnumberedEnvelope(bytes):
    """A record's data in an envelope that has no id yet: the spool gives it, with the record's number."""

    UNNUMBERED: ClassVar = b'{"id":"00000000-0000-000000000000'

    def numbered(self, spool: bytes, queue: int, number: int) -> bytes:
        """With its id: 8, 4 and 12 hexadecimal digits."""
        return b'{"id":"%b-%04x-%012x%b' % (spool, queue, number, self[len(self.UNNUMBERED) :])

    @staticmethod
    def late(data: bytes, spool: bytes, queue: int, number: int) -> bytes:
        """An envelope with this id and the mark that it is sent late; other data as they are."""
        head = b'{"id":"%b-%04x-%012x"' % (spool, queue, number)
        return b'%b,"late":true%b' % (head, data[len(head) :]) if data.startswith(head) else data


class NewRecord(NamedTuple):
    """A record that mapping made, before the spool gave it a number. A `key` of None is spread over all shards."""

    output: int
    key: str | None
    data: bytes


class Rejection(NamedTuple):
    """What mapping could not do: for which outputs, for which item of `each` (None: for the message), and why."""

    outputs: tuple[int, ...]
    item: int | None
    code: RejectionCode | ReplayCode
    detail: str


class OutgoingMessage(NamedTuple):
    """A message that a mapping asks to be published with QoS 0, such as a request for a rebirth."""

    topic: str
    payload: bytes


class ReleasedRecord(NamedTuple):
    """A record that a mapping held back for a while. `destination` names its queue (see `Destination`)."""

    destination: str
    key: str | None
    data: bytes


class SideEffects(NamedTuple):
    """What a mapping that remembers wants beside records: how many messages count as filtered, commands to publish
    after the commit, and records made of earlier messages."""

    filtered: int = 0
    commands: tuple[OutgoingMessage, ...] = ()
    released: tuple[ReleasedRecord, ...] = ()


class MappingResult(NamedTuple):
    """What one mapping made of one message. Neither drafts nor rejections nor effects: it was filtered."""

    drafts: list[NewRecord]
    rejections: tuple[Rejection, ...] = ()
    effects: SideEffects | None = None


class Record(NamedTuple):
    """One record of a stream's queue in the spool. `number` counts up per stream; `mapping` is the spool's number
    for the mapping that made it."""

    number: int
    mapping: int
    key: str
    data: bytes


class DeadLetter(NamedTuple):
    """What could not be delivered, with the reason, kept until someone deals with it.

    `kind` is "message" (the payload is the raw MQTT message, to be mapped again) or "record" (the payload is a record
    that Kinesis can never accept; `key` is its partition key). `streams` are those that got nothing because of it.
    `total_bytes` is the message's true size: an oversized payload is kept only in part.
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
        """What could not be mapped, as it came. Without a mapping: no mapping was ever asked."""
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
    """What may change about how a queue is sent without another queue; None: as for all."""

    linger_ms: int | None = None
    max_record_bytes: int | None = None

    def with_(self, other: BatchingOptions) -> BatchingOptions:
        """What suits both: the shorter wait, and the smaller records."""
        pairs = zip(self, other, strict=True)
        return BatchingOptions(*(min((value for value in pair if value is not None), default=None) for pair in pairs))


class StateStore(Protocol):
    """What a stateful mapping remembers between messages: bytes by key. Written in the transaction of the messages that
    changed it (bridge/spool/mapping_state.py), so that it never knows more, or less, than what is acknowledged."""

    def get(self, key: str) -> bytes | None:
        """The value, or None."""

    def put(self, key: str, value: bytes) -> None:
        """Remember."""

    def forget(self, key: str) -> None:
        """Remove, if it is there."""

    def items(self) -> Iterator[tuple[str, bytes]]:
        """All keys and values, in the order they were first put. Change nothing while iterating."""

    def __len__(self) -> int:
        """How many there are."""
