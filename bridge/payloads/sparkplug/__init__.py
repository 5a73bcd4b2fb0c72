"""Sparkplug B. An edge node begins a session with a birth, which declares names, aliases and datatypes of metrics.

Later messages may omit what the birth declared. So the bridge stores births, to decode later messages. A death ends the
session.

session.py             processes births, data and deaths of all edge nodes
expression_view.py     the object that expressions see
readings.py            values of metrics and templates, as expressions see them
datatypes.py           conversion of values by their datatypes
metric_table.py        names, aliases and datatypes that a birth declares
birth_certificates.py  stores metric tables and the states of edge nodes in the state of the mapping
sequence_numbers.py    finds gaps in the sequence numbers (`seq`) of messages
rebirth_requests.py    requests to edge nodes to send their births again
topic.py               parses topics
wire_format.py         reads the bytes of a payload
compressed_payload.py  decompresses payloads
encoder.py             encodes payloads, for the tests of mappings and for rebirth requests
"""
