"""Ingest: the thread that maps MQTT bursts into the spool, and replays dead letters.

loop.py                the thread: read a burst, map it, commit it, acknowledge it
burst_mapper.py        packets of a burst -> records, dead letters and acknowledgements
transaction_budget.py  how many bytes one transaction may have
bindings.py            numbers and queues of the spool for each mapping
rejection.py           a rejected message -> a dead letter
poison_guard.py        messages that ended the process whenever they were mapped
in_progress_file.py    the message that is being mapped, in a file that survives the process
replay.py              replay and deletion of dead letters, between two bursts
manifest_writer.py     manifests: which record numbers must be in the stream
topic_coverage.py      messages by mapping, and topics that no mapping matches
dead_letter_log.py     log lines about new dead letters
"""
