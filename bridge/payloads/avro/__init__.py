"""Apache Avro. Specification: https://avro.apache.org/docs/1.12.0/specification/.

schema_parser.py   reads the text of a schema
reader.py          reads bytes as values
writer.py          writes values as bytes, for the tests of mappings
decoder.py         `payload: avro`: the framing of a message

The bridge has its own reader, because the reader of the package fastavro is not safe for hostile data. In fastavro,
200 KB of nested data crash the process. Items of an array may have no bytes, so 8 bytes can create any number of
values.
"""
