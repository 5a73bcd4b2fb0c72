"""Sparkplug B.

protobuf.py            the wire format
compressed_payload.py  compressed payloads
datatypes.py           the datatypes and their values
topic.py               the topics
metric_table.py        names, aliases and datatypes that a birth declares
birth_certificates.py  these tables, stored in the state of the mapping
readings.py            values of metrics and templates, as expressions see them
sequence.py            gaps in `seq`
rebirth.py             rebirth requests
expression_view.py     the object that expressions see
session.py             births, data and deaths of all edge nodes
encoding.py            payloads for mappings' tests
"""
