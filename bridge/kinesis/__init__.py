"""The Kinesis API: requests, their limits, packed records, shards.

limits.py             what one request and one record may hold
put_records_codec.py  PutRecords bodies, written and read within botocore's signing
client_cache.py       the botocore clients, one per region and role
publisher.py          the publisher that all streams share
endpoints.py          the URLs that Kinesis calls go to
packing/              the two formats of packed records, and which records share one
shard_map.py          the shard that a key belongs to, and when to ask for the shards again
bandwidth.py          the limit of all streams together on the link
stream_reader.py      a stream read back
dry_run.py            a publisher that prints instead of sending
"""
