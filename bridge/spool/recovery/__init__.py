"""Recovery of records from a damaged database. SQLite is not used, because it refuses to open many damaged files.

salvage.py         copies all readable rows into a new spool, and counts the lost records
damaged_spool.py   sorts the readable rows of a damaged spool by table
log_copy.py        copies the intact pages of the write-ahead log into a copy of the database
page_scan.py       reads the rows in each page of the database file
"""
