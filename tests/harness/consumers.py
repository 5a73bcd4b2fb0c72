"""Readers of packed records that behave like consumers: like the Kinesis Client Library, or line by line."""

import base64
import gzip
import hashlib
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING

import zstandard
from aws_kinesis_agg.deaggregator import deaggregate_records

if TYPE_CHECKING:
    from collections.abc import Callable


def unpacked(key, data):
    """Return [(key, data)] in one Kinesis record, unpacked by the Python library of AWS."""
    record = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "sequenceNumber": "1",
            "partitionKey": key,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1,
        },
        "eventSource": "aws:kinesis",
    }
    user_records = deaggregate_records([record])
    return [(r["kinesis"]["partitionKey"], base64.b64decode(r["kinesis"]["data"])) for r in user_records]


def hash_of(key):
    return int(hashlib.md5(key.encode()).hexdigest(), 16)


def kept_by_kcl(shard, key, data):
    """Return [(key, data)] that the Kinesis Client Library (KCL) returns for one Kinesis record of a shard.

    If one key in an aggregated record does not belong to the shard, the KCL discards the entire record without an
    error: AggregatorUtil.deaggregate. It returns a record that is not aggregated with any key.
    """
    records = unpacked(key, data)
    in_range = all(shard.first_hash <= hash_of(key) <= shard.last_hash for key, _ in records)
    return records if in_range or records == [(key, data)] else []


def kcl(stream):
    """Return [(key, data)] that the Kinesis Client Library returns for a stream, shard by shard."""
    found = []
    for shard in stream.shards:
        for stored in shard.stored:
            found += kept_by_kcl(shard, stored.key, stored.data)
    return found


def read_shards(client, name):
    """Read a stream of an emulator. Return an object for `kcl` and `lines`, with parent shards before child shards."""
    shards = sorted(client.list_shards(StreamName=name)["Shards"], key=lambda shard: shard["ShardId"])
    read = [_read_shard(client, name, shard) for shard in shards]
    return SimpleNamespace(shards=read, stored=[stored for shard in read for stored in shard.stored])


def _read_shard(client, name, shard):
    hashes, stored = shard["HashKeyRange"], []
    start = client.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    iterator = start["ShardIterator"]
    while iterator:
        page = client.get_records(ShardIterator=iterator, Limit=10_000)
        stored += [
            SimpleNamespace(number=int(each["SequenceNumber"]), key=each["PartitionKey"], data=each["Data"])
            for each in page["Records"]
        ]
        more = page["Records"] or page.get("MillisBehindLatest")
        iterator = page.get("NextShardIterator") if more else None
    assert [each.number for each in stored] == sorted({each.number for each in stored})
    first, last = int(hashes["StartingHashKey"]), int(hashes["EndingHashKey"])
    return SimpleNamespace(first_hash=first, last_hash=last, stored=stored)


def lines(stream, compression="none"):
    """Return all lines in all records of a stream, in order of arrival."""
    undo: dict[str, Callable[[bytes], bytes]] = {
        "none": bytes,
        "gzip": gzip.decompress,
        "zstd": zstandard.ZstdDecompressor().decompress,
    }
    return [line for stored in stream.stored for line in undo[compression](stored.data).decode().splitlines()]


def repeated(found):
    """Return the number of additional copies of records."""
    return (Counter(found) - Counter(set(found))).total()
