"""Files of the folder `mappings/` -> active mappings: loading, validation, hot reload.

    mapping_loader.py        loads one mapping file, or all files of a folder; returns mappings and problems
    spec_validation.py       checks what the models do not check: the expressions, and the names in them
    name_checks.py           finds names in expressions that JMESPath would silently read as null
    lint.py                  notes on probable mistakes in a file that loads
    shared_subscription.py   finds mappings that several bridges must not share
    lookup_tables.py         loads the tables beside the mappings, for `lookup`
    schema_files.py          reads the Avro and Protocol Buffers schemas beside the mappings
    resources.py             loads all tables and schemas of a folder

While the bridge runs:

    live_mappings.py         watches the folder, and activates changed mappings
    fallback_loader.py       loads one changed file; if it does not load, loads its last good version
    folder_watch.py          detects changed files without reading them
    last_good.py             stores the last good version of each mapping file, also for the next start
    live_lookup_tables.py    watches the lookup tables, and stores their last good versions
    live_schema_files.py     watches the schema files, and stores their last good versions
    reload_report.py         lists the changes of one reload
"""
