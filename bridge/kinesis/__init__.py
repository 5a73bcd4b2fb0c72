"""Kinesis API: requests, their limits, packed records, shards.

limits.py             limits of one request and of one record
put_records_codec.py  PutRecords bodies, encoded and decoded within botocore's signing
client_cache.py       the botocore clients, one for each region and role
publisher.py          the publisher that all streams share
service_endpoints.py  the URLs that Kinesis calls go to
packing/              the two formats of packed records, and which records share one
shard_map.py          the shard that a key belongs to
bandwidth.py          the bandwidth limit of all streams together
responses.py          responses of Kinesis, checked before anything uses them
shard_reader.py       reader of one shard, within the limits of GetRecords
stream_reader.py      reader of a stream's records
dry_run_publisher.py  a publisher that prints instead of sending
"""
