"""The sending side: from a stream's queue to Kinesis, each record settled by its own result.

    limits.py        what one request and one record may hold
    faults.py        every error code of Kinesis: its class, and what a person should do about it
    network.py       the same for what botocore raises: names, sockets, TLS, proxies, credentials
    reach.py         how AWS is reached: endpoints, proxy, TLS
    credentials/     the types of `kinesis.authentication`, one entry each; renewal
    wire.py          PutRecords bodies, written and read within botocore's signing
    clients.py       the botocore clients, one per region and role
    client.py        the publisher that all streams share
    policy.py        the least that AWS must allow
    results.py       one response sorted into delivered, rejected and to be sent again
    batch.py         what one request carries
    kpl.py, lines.py the two formats of packed records
    packing.py       which records go together
    shards.py        which shard a key belongs to, and when to ask for the shards again
    rates.py         what each shard takes
    hot_keys.py      which key alone is too much for a shard
    uplink.py        what all streams together may put on the link
    lanes.py         records that wait: by shard, or until what failed is due
    dispatch.py      what is sent next
    strict.py        the same where order is strict, and key_lines.py: its records by key
    pacing.py        back-off, and the one probe while a stream refuses everything
    record_limit.py  the largest record a stream takes, asked of Kinesis
    health.py        a stream's counters and state; what is logged, once
    window.py        a stream's records in flight and held: what becomes of each
    sender.py        one stream's workers
    unpacking.py     what consumers do: the records within a packed one
    dry_run.py       prints instead of sending

One `StreamSender` per stream, run by as many threads as requests may be in flight; nothing is shared between streams
but the publisher, so that streams never block one another. `boto3` and `botocore` are imported in this package only.
"""
