"""Recovery of records from a damaged database, without SQLite.

salvage.py         copies all readable rows into a new spool, and counts the others
damaged_spool.py   the readable rows of a damaged spool, by table
log_copy.py        applies the intact pages of the write-ahead log to a copy
page_scan.py       reads the rows of each page
"""
