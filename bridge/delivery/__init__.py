"""Delivery: from a stream's queue in the spool to Kinesis, each record settled by its own result.

One pool of threads and one measurement of the link for each endpoint:

    sender_pools.py, sender_pool.py   the pools; which stream is next; leader and followers
    concurrency.py                    how large a request may be, and how many may be in flight
    link_bandwidth.py, answer_latency.py, queue_experiment.py, outstanding_requests.py, endpoint_status.py   its parts
    circuit_breaker.py                pause and single probe while whole requests fail
    settings.py, protocols.py         settings; what delivery needs of the spool and of the transport

For each stream:

    stream_sender.py                  takes records, builds requests, settles results
    tracker.py                        every record between its queue and its settlement
    batch_outcome.py, misplaced.py    the results of one request; aggregated records on another shard than predicted
    record_size_limit.py              the largest record that the stream accepts
    stream_status.py, hot_keys.py     counters and state; a partition key that fills a shard

What goes into the next request:

    accumulator.py, batch_filler.py   the waiting records, and how a batch is filled
    key_queues.py, key_queue.py       waiting records by partition key, one request in flight for each
    shard_deferral.py                 records of a hot shard that stay on disk
    batch.py                          one PutRecords request

What is known of the shards:

    shard_knowledge.py                the shard of a key; whether consumers keep a record
    shard_history.py, shard_map_refresh.py, record_distribution.py, aggregate_payloads.py   its parts
    shard_limiter.py                  how much may be sent to each shard
    limited_shard.py                  one shard of it, made of token_bucket.py, shard_rate.py, sliding_sum.py,
                                      refusal_pattern.py, contention.py, common_pause.py and service_clock.py
    shard_status.py                   the shards of a stream, for the page
"""
