"""Sparkplug B: protobuf (the wire format), compressed, values (datatypes), topic, births (what is remembered), sequence,
rebirth, view (what expressions see), and session, which puts them together."""
