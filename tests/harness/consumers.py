"""How consumers read what was packed: as the Kinesis Client Library does, shard by shard, and line by line."""

import base64
import gzip
import hashlib
from collections import Counter

import zstandard
from aws_kinesis_agg.deaggregator import deaggregate_records


def unpacked(key, data):
    """[(key, data)] of one record of a stream, by AWS's own Python library."""
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


def kcl(stream):
    """[(key, data)] in the order of each shard. Of an aggregated record with one key that does not belong to the shard
    it is read from, the Kinesis Client Library gives nothing, and says so to nobody."""
    found = []
    for shard in stream.shards:
        for stored in shard.stored:
            records = unpacked(stored.key, stored.data)
            if len(records) == 1 or all(shard.first_hash <= hash_of(key) <= shard.last_hash for key, _ in records):
                found += records
    return found


def lines(stream, compression="none"):
    """Every line of every record, in the order they were stored."""
    undo = {"none": bytes, "gzip": gzip.decompress, "zstd": zstandard.ZstdDecompressor().decompress}[compression]
    return [line for stored in stream.stored for line in undo(stored.data).decode().splitlines()]


def repeated(found):
    """How many were found more than once."""
    return (Counter(found) - Counter(set(found))).total()
