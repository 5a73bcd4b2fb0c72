"""Proof that a stream holds every record that manifests cover, and that their content is unchanged.

manifest.py     manifests, checked strictly: anyone may write to their stream
number_set.py   sets of record numbers in bounded memory
queue_proof.py  records and manifests of one queue, and the verdict on it
verifier.py     all queues; it accepts manifests and records
reading.py      reads the streams into the verifier
progress.py     the verifier and the positions in the shards, in a file, to continue later
"""
