"""Delivery of records from the spool to Kinesis. The spool has one queue of records for each stream.

A record is *settled* when it leaves its queue: Kinesis has accepted the record, or can never accept it.

Each endpoint has one pool of threads and one measurement of the link:

    sender_pools.py, sender_pool.py   the pools; which stream is next; leader and followers
    adaptive_concurrency.py           how large a request may be, and how many may be in flight. Its parts:
                                      link_bandwidth.py, answer_latency.py, latency_experiment.py,
                                      outstanding_requests.py and endpoint_status.py
    circuit_breaker.py                a pause and single probes while complete requests fail
    settings.py, protocols.py         settings; the interfaces of the spool and of the transport

Each stream has:

    stream_sender.py                  takes records from the queue, builds requests, applies their results
    delivery_tracker.py               follows every record from its queue to its final result
    batch_outcome.py                  the results of one request
    misplaced_records.py              aggregated records that an unexpected shard accepted
    record_size_limit.py              the largest record that the stream accepts
    stream_status.py                  counters and state
    hot_keys.py                       warning about a partition key that alone fills a shard
    aggregate_payloads.py             warning about payloads that are themselves aggregated records

These modules choose the records of the next request:

    accumulator.py, batch_filler.py   the waiting records, and how a batch is filled
    key_queues.py, key_queue.py       waiting records by partition key; each key has at most one request in flight
    shard_deferral.py                 records of a hot shard that stay on disk
    batch.py                          one PutRecords request

These modules know the shards:

    shard_knowledge.py                the shard of a key; whether consumers keep a record. Its parts:
                                      shard_history.py, shard_map_refresh.py and record_distribution.py
    shard_limiter.py                  how much may be sent to each shard
    limited_shard.py                  the limiter of one shard. Its parts: token_bucket.py, shard_rate.py,
                                      sliding_sum.py, refusal_pattern.py, refusal_tolerance.py, common_pause.py and
                                      service_clock.py
    shard_status.py                   the shards of a stream, for the status page
"""
