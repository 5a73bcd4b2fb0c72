"""The spool (disk buffer): it stores received records until they are settled, and the ledger that counts them.

A record is settled when Kinesis has accepted it, or when it has become a dead letter. A burst is the group of messages
that one read from the broker's connection returns.

The spool is one SQLite database in WAL mode with `synchronous=FULL`, so a committed transaction is on the disk
(https://www.sqlite.org/pragma.html#pragma_synchronous). One transaction inserts the records and dead letters of a
burst, deletes the records that were settled since the last commit, and updates the ledger. So the ledger balances even
after a crash.

    meta            key → value, for example the topic filters to which the broker's session is subscribed. The version
                    of the format is stored here and in the pragma `user_version`
    mappings        number ↔ name of each mapping. Records and ledger lines contain the number
    streams         number ↔ name of each queue, and `next`, the number of the queue's next record. `next` is only
                    written when the newest record is deleted. Before that, the next number is the newest number + 1
    queue_<stream>  the records of one queue in order; settled records are deleted, and no record is ever changed
    dead_letters    messages and records that cannot be delivered, each with its reason
    ledger          per mapping and stream: received = delivered + filtered + dead_lettered + dropped + spooled
    exceptions      numbers of records that consumers will not find in the stream, with the reason. The next manifest
                    lists them (bridge/ingest/manifest_writer.py)
    checksums       checksums of the records in the next manifest (bridge/spool/database/checksum_runs.py)
    unreleased      packet identifiers of QoS 2 messages between PUBLISH and PUBREL. With them, a redelivered message is
                    recognised, and not stored a second time, even after the process was killed
    state           values that stateful mappings store, by mapping and key

The code:

    opening.py             opens the spool, and salvages damaged spools
    store.py               the open spool: commits, settlement, limits
    queue/                 the queues of the destinations
    database/              SQLite: tables, transactions, verification
    recovery/              salvage of damaged files
    directory.py           the folder of the spool
    lock.py                the lock of the folder, which only one process can own
    ledger.py              counts of received records and their outcomes
    retention.py           limits in bytes and age
    wall_clock.py          clock for the ages of records
    dead_letters.py        the table of dead letters
    dead_letter_groups.py  groups of dead letters by reason
    mapping_state.py       values of stateful mappings
    read_only.py           access from other processes
    settings.py            section `spool` of bridge.yaml

Every row has an XXH32 hash of its other columns (bridge/spool/database/tables.py).

Only this folder imports sqlite3. Only the ingest thread writes to the database. The senders' threads read through a
separate connection.
"""
