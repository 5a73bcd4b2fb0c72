"""Sparkplug B: protobuf (the wire format), compressed, values (datatypes), topic, births (what is remembered),
sequence, rebirth, view (what expressions see), session, which puts them together, and encoding, for mappings' tests."""
