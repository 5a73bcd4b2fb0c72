"""MQTT bursts into the spool, and dead letters back through it."""
