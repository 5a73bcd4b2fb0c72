"""Sparkplug B.

protobuf.py            the wire format
compression.py         compressed payloads
datatypes.py           the datatypes and their values
topic.py               the topics
birth_certificates.py  the metrics that births declared, stored
sequence.py            gaps in `seq`
rebirth.py             rebirth requests
expression_view.py     the object that expressions see
session.py             births, data and deaths of all edge nodes
encoding.py            payloads for mappings' tests
"""
