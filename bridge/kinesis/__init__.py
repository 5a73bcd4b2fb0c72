"""Kinesis API: requests, their limits, packed records, and shards.

limits.py               limits of one request and of one record
put_records_codec.py    encoder and decoder of PutRecords bodies, faster than botocore's
client_cache.py         the botocore clients, one for each region and role
publisher.py            the publisher that all streams share
service_endpoints.py    the AWS URLs that a configuration calls
packing/                packing of several records into one Kinesis record, and unpacking
shard_map.py            the shard that a key belongs to
bandwidth.py            the bandwidth limit of all streams together
responses.py            validation of the responses of Kinesis
stream_scanner.py       reader of a complete stream, within the limits of GetRecords (for `prove`)
local_stream_reader.py  reader of the streams of a local Kinesis (for the demo)
dry_run_publisher.py    a publisher that prints records instead of sending them
"""
