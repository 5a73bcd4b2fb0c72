"""Ingest: mapping of MQTT bursts into the spool, and replay of dead letters."""
