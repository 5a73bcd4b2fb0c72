"""The spool: what has been received and not yet been settled, on disk, with the ledger that accounts for it.

One SQLite database in WAL mode with `synchronous=FULL` (https://www.sqlite.org/pragma.html#pragma_synchronous): when a
transaction has committed, it is on the disk. One transaction per burst holds its records, its dead letters, what was
settled since the last one, and the ledger's sums, so that the books balance at every instant that a crash can choose.

    meta            format version lives in `user_version`; here: the filters that the broker's session may hold
    mappings        number ↔ name; records and ledger carry the number
    streams         number ↔ name, and the number that the stream's next record gets: it counts up without a gap, and
                    is kept here while no record is there that tells it
    queue_<stream>  the records of one stream in order; deleted by range once settled, never rewritten
    dead_letters    raw messages and refused records, each with its reason
    ledger          per mapping and stream: received = delivered + filtered + dead_lettered + dropped + spooled
    unreleased      QoS 2 packet identifiers between PUBLISH and PUBREL: exactly once into the spool, SIGKILL or not
    state           what stateful mappings remember, by mapping and key

The only folder that imports sqlite3. One thread (ingest) writes; senders read through a connection of their own.
"""
