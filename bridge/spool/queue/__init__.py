"""Queues of the destinations. A queue contains records in memory and on disk, in order, until they are settled.

stream_queue.py       the queue of one destination, oldest records first
live_first_queue.py   the queue for `kinesis.backlog: live_first`
deferral.py           records of busy keys, which stay on disk until the sender has memory for them
receive_times.py      receive times, from which the ages of records are computed
ranges.py             ranges of record numbers
linger.py             how long records wait for more records
batch_size.py         how many records fit into a batch
settlement.py         settled records that wait for the next commit
commit_times.py       latency of records: from receipt to delivery, and from commit to delivery
record_checksum.py    checksums of records for manifests
"""
