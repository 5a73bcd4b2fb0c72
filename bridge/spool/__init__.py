"""The spool (disk buffer): received records that are not settled yet, and the ledger that accounts for them.

The spool is one SQLite database in WAL mode with `synchronous=FULL`, so a committed transaction is on the disk
(https://www.sqlite.org/pragma.html#pragma_synchronous). One transaction per burst writes four things: the burst's
records, its dead letters, the records settled since the last commit, and the sums of the ledger. The ledger therefore
balances after a crash at any time.

    meta            values by key, for example the filters that the broker's session may hold; the format version is
                    here and in `user_version`
    mappings        number ↔ name; records and ledger lines carry the number
    streams         number ↔ name, and the number of the queue's next record: numbers count up without a gap, and this
                    column is written only while no record in the table shows the next number
    queue_<stream>  the records of one queue in order; deleted by range once settled, never rewritten
    dead_letters    raw messages and records that cannot be delivered, each with its reason
    ledger          per mapping and stream: received = delivered + filtered + dead_lettered + dropped + spooled
    exceptions      ranges of record numbers that no consumer will find, each with its reason, for the next manifest
    checksums       checksums of the records that the next manifest covers (bridge/spool/database/checksum_runs.py)
    unreleased      QoS 2 packet identifiers between PUBLISH and PUBREL: each message enters the spool exactly once,
                    even if the process is killed (SIGKILL)
    state           values that stateful mappings store, by mapping and key

The code:

    opening.py             opens the spool: lock, damage, salvage
    store.py               the open spool: commits, settlement, limits
    queue/                 the queues of the destinations
    database/              SQLite: tables, transactions, verification
    recovery/              salvage of damaged files
    directory.py, lock.py  the folder and its owner
    ledger.py              the accounting
    retention.py           limits in bytes and age; wall_clock.py: ages that do not depend on the machine's clock
    dead_letters.py        the table of dead letters; dead_letter_groups.py: groups by reason
    mapping_state.py       values of stateful mappings
    read_only.py           access from other processes
    settings.py            section `spool` of bridge.yaml

Every row has a CRC-32 of its other columns (bridge/spool/database/tables.py).

Only this folder imports sqlite3. One thread (ingest) writes; senders read through a connection of their own.
"""
