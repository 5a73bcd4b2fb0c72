"""Packing of several records in one Kinesis record: KPL aggregation and JSON lines."""
