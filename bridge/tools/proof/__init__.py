"""Proof that a stream contains every record that manifests cover, and that the content of these records is unchanged.

A manifest is a record that the bridge sends to a separate stream. It lists the numbers of the records that the bridge
has delivered to a data stream.

manifest.py       parser of manifests; it is strict, because any producer may write to their stream
number_set.py     set of record numbers in bounded memory
queue_proof.py    records and manifests of one queue, and the verdict on the queue
verifier.py       records and manifests of all queues
proof_reading.py  reads the streams into the verifier
progress.py       progress file, from which a later run continues
"""
