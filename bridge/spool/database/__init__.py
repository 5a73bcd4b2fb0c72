"""Access to SQLite.

database_file.py      connections, pragmas, and checks before a file is opened
tables.py             the tables, and the hash in each row
transaction.py        everything that one commit writes
reader.py             reads for any thread, on a separate connection
name_ids.py           numbers for the names of mappings and streams
checksum_runs.py      checksums of records for manifests
batch_delete.py       deletion of many records in one statement
page_usage.py         size on disk, and shrinking of the file after an outage
verification.py       verification of the database when the bridge starts
write_ahead_log.py    detection of damage in SQLite's write-ahead log
"""
