"""Proof that a data stream contains every record that the bridge has delivered, and that the records are unchanged.

The bridge numbers its records, and sends manifests to a separate stream. A manifest is a record that covers a range of
record numbers: the bridge has delivered the records with these numbers. `prove` reads both streams, and reports each
covered record that is missing or altered.

manifest.py       strict parser of manifests, because any producer may write to their stream
number_set.py     set of record numbers in bounded memory
queue_proof.py    records and manifests of one queue, and the verdict on the queue
verifier.py       records and manifests of all queues
proof_reading.py  reads the streams into the verifier
progress.py       progress file, so that a later run can continue
"""
