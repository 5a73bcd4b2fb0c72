"""SQLite access: connections, schema, transactions."""
