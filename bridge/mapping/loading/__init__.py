"""Files of the folder `mappings/` -> active mappings: loading, validation, hot reload.

    loader.py                one mapping file, or a folder of them -> mappings, or problems
    spec_validation.py       checks of a file beyond its schema: its expressions must compile, its names must exist
    name_checks.py           names in expressions that JMESPath would silently read as null
    notes.py                 probable mistakes in a file that loads
    shared_subscription.py   mappings that several bridges must not share
    lookup_tables.py         tables beside the mappings, for `lookup`
    schema_files.py          Avro and Protocol Buffers schemas beside the mappings
    resources.py             both: everything that a mapping file may refer to

While the bridge runs:

    live_mappings.py         watches the folder, and activates changes as one set
    file_loader.py           loads one changed file, or falls back to its last good version
    folder_watch.py          detects changes without reading files
    last_good.py             stores the last good version of each file over restarts
    live_lookup_tables.py    the same for lookup tables
    live_schema_files.py     the same for schema files
    reload_report.py         what a reload changed
"""
