"""Delivery of spooled records to Kinesis, one sender per destination.

    batch.py                one PutRecords request
    batch_outcome.py        one response sorted into delivered, rejected and to be sent again
    accumulator.py          what is sent next
    ordered_accumulator.py  the same for `order: strict`, with key_queues.py: its records by key
    shard_queues.py         records that wait: by shard, or until a retry is due
    shard_limiter.py        the write limit of each shard
    overflow.py             records of a hot shard that stay in the spool
    hot_keys.py             detection of a partition key that is too much for one shard
    record_distribution.py  placement of packed records on the shards
    record_size_limit.py    the maximum record size of a stream, asked of Kinesis
    concurrency.py          number of workers, by the latency of requests
    circuit_breaker.py      back-off, and the single probe while a stream refuses everything
    tracker.py              records in flight and waiting, and what becomes of each
    stream_status.py        counters, state and log messages of one stream
    stream_sender.py        the workers of one stream

One `StreamSender` per stream, run by as many threads as requests may be in flight; nothing is shared between streams
but the publisher, so that streams never block one another.
"""
