"""Ingest: one thread reads MQTT messages in bursts, maps them to records, and commits the records to the spool.

A burst is the group of messages that one read from the broker's connection returns. The same thread replays dead
letters.

loop.py                the thread's loop: read a burst, map it, commit it, acknowledge it
burst_mapper.py        converts the packets of a burst to records, dead letters and acknowledgements
transaction_budget.py  limit of the bytes in one transaction
bindings.py            the spool's numbers and queues of each mapping
rejection.py           converts rejected messages to dead letters
poison_guard.py        detects messages that end the process each time they are mapped
in_progress_file.py    stores in a file which message is being mapped
replay.py              replays and deletes dead letters, between two bursts
manifest_writer.py     writes manifests: lists of the record numbers that must be in a stream
topic_coverage.py      counts messages by mapping, and topics that no mapping matches
dead_letter_log.py     writes log lines about new dead letters
"""
