"""The spool (disk buffer): received records that are not settled yet, and the ledger that accounts for them.

The spool is one SQLite database in WAL mode with `synchronous=FULL`, so a committed transaction is on the disk
(https://www.sqlite.org/pragma.html#pragma_synchronous). A burst is the group of messages that one read from the
broker's connection returns. One transaction per burst writes four things: the burst's records, its dead letters, the
records settled since the last commit, and the counts of the ledger. A record is settled when Kinesis has accepted it,
or when it has become a dead letter. The ledger therefore balances after a crash at any time.

    meta            key → value, for example the topic filters that the broker's session may contain. The format's
                    version is stored here and in the pragma `user_version`
    mappings        number ↔ name; records and ledger lines carry the number
    streams         number ↔ name, and the number of the queue's next record. The second number is written only when
                    the newest record is deleted. While that record exists, the next number is its number + 1
    queue_<stream>  the records of one queue in order; settled records are deleted, and no record is ever changed
    dead_letters    raw messages and records that cannot be delivered, each with its reason
    ledger          per mapping and stream: received = delivered + filtered + dead_lettered + dropped + spooled
    exceptions      ranges of record numbers that no consumer will find in the stream, each with its reason, for the
                    next manifest (bridge/ingest/manifest_writer.py)
    checksums       checksums of the records that the next manifest covers (bridge/spool/database/checksum_runs.py)
    unreleased      QoS 2 packet identifiers between PUBLISH and PUBREL. With them, each QoS 2 message enters the spool
                    exactly once, even if the process is killed (SIGKILL)
    state           values that stateful mappings store, by mapping and key

The code:

    opening.py             opens the spool: lock, damage, salvage
    store.py               the open spool: commits, settlement, limits
    queue/                 the queues of the destinations
    database/              SQLite: tables, transactions, verification
    recovery/              salvage of damaged files
    directory.py, lock.py  the folder, and the process that owns it
    ledger.py              the accounting
    retention.py           limits in bytes and age
    wall_clock.py          ages of records, which stay correct when the machine's clock is set
    dead_letters.py        the table of dead letters; dead_letter_groups.py: groups by reason
    mapping_state.py       values of stateful mappings
    read_only.py           access from other processes
    settings.py            section `spool` of bridge.yaml

Every row has a CRC-32 of its other columns (bridge/spool/database/tables.py).

Only this folder imports sqlite3. Only the ingest thread writes to the database. Senders read through a separate
connection.
"""
