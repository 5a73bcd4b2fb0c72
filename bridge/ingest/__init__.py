"""Ingest: one thread reads bursts of MQTT messages, maps them to records, and commits these to the spool.

The same thread replays dead letters.

loop.py                the thread's loop: read a burst, map it, commit it, acknowledge it
burst_mapper.py        converts the packets of a burst to records, dead letters and acknowledgements
transaction_budget.py  limit of the bytes in one transaction
bindings.py            the spool's numbers and queues of each mapping
rejection.py           converts rejected messages to dead letters
poison_guard.py        detects messages that end the process each time they are mapped
in_progress_file.py    stores the message that is being mapped in a file that outlives the process
replay.py              replay and deletion of dead letters, between two bursts
manifest_writer.py     manifests: lists of the record numbers that must be in a stream
topic_coverage.py      counts messages by mapping, and records topics that no mapping matches
dead_letter_log.py     log lines about new dead letters
"""
