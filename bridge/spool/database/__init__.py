"""SQLite access: the only code that contains SQL for writing.

database_file.py      connections, pragmas, and checks before a file is opened
tables.py             the tables, and the CRC in each row
transaction.py        everything that one commit writes
reader.py             reads for any thread, on a separate connection
name_ids.py           numbers for the names of mappings and streams
checksum_runs.py      checksums of records for manifests
batch_delete.py       deletion of many records in one statement
page_usage.py         size on disk, and shrinking after an outage
verification.py       verification of the database at the start
write_ahead_log.py    damage in SQLite's write-ahead log
"""
