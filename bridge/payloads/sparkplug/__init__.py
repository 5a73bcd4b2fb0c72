"""Sparkplug B: decoding of messages with the declarations of earlier births.

session.py             processes births, data and deaths of all edge nodes
expression_view.py     the object that expressions see
readings.py            values of metrics and templates, as expressions see them
datatypes.py           conversion of values by their datatypes
metric_table.py        names, aliases and datatypes that a birth declares
birth_certificates.py  stores these tables in the state of the mapping
sequence_numbers.py    finds gaps in `seq`
rebirth_requests.py    requests to edge nodes to send their births again
topic.py               parses topics
wire_format.py         reads the bytes of a payload
compressed_payload.py  decompresses payloads
encoder.py             encodes payloads, for the tests of mappings and for rebirth requests
"""
