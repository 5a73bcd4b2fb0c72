"""Publisher for `--dry-run`, which prints the records instead of sending them."""

from __future__ import annotations

import re
import threading
from itertools import chain, count
from typing import TYPE_CHECKING, TextIO

from bridge.kinesis.packing.packers import PackedRecord
from bridge.kinesis.publisher import StreamDescription
from bridge.kinesis.put_records_codec import RecordAccepted
from bridge.kinesis.shard_map import Shard
from bridge.model import MAX_RECORD_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.kinesis.put_records_codec import Result
    from bridge.model import Record

SHARD = "shardId-dry-run"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class DryRunPublisher:
    """Substitute for `publisher.KinesisPublisher` that prints every record, and reports it as accepted. Thread-safe.

    The output has one line per record: stream, key and data, separated by tabs. The records in a packed record are
    printed separately. Control characters are escaped as in JSON, because a terminal would interpret them. Data that is
    not UTF-8 text is printed as a Python bytes literal.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._numbers = count(1)
        self._printing = threading.Lock()

    def endpoint(self, stream: str) -> str:
        """Return the name of the only endpoint, standard output."""
        del stream
        return "dry run"

    def finish(self) -> None:
        """Do nothing, because printing does not hang."""

    def abort(self) -> None:
        """Do nothing, because printing does not hang."""

    def put_records(self, stream: str, records: Sequence[Record | PackedRecord]) -> list[Result]:
        """Print the records in their order. The records of two calls are never mixed."""
        # Several threads call this method. The lock keeps the lines of one request together.
        with self._printing:
            for record in chain.from_iterable(map(_unpacked, records)):
                self._out.write(f"{stream}\t{_escaped(record.key)}\t{_text(record.data)}\n")
            self._out.flush()
            return [RecordAccepted(str(next(self._numbers)), SHARD) for _ in records]

    def describe(self, stream: str) -> StreamDescription:
        """Return a description with the largest record size that a stream can have, because the output has no limit."""
        del stream
        return StreamDescription(max_record_bytes=MAX_RECORD_BYTES, status="ACTIVE")

    def list_shards(self, stream: str) -> list[Shard]:
        """Return one shard that covers all hashes, for any stream."""
        del stream
        return [Shard(SHARD, 0, (1 << 128) - 1)]


def _unpacked(record: Record | PackedRecord) -> Sequence[Record]:
    return record.records if isinstance(record, PackedRecord) else (record,)


def _text(data: bytes) -> str:
    try:
        return _escaped(data.decode())
    except UnicodeDecodeError:
        return repr(data)


def _escaped(text: str) -> str:
    """Escape line breaks and other control characters, so that each record is one line for tools such as grep."""
    return _CONTROL.sub(lambda found: "\\n" if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)
