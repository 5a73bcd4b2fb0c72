"""Apache Avro. Specification: https://avro.apache.org/docs/1.12.0/specification/.

schema.py    from the text of a schema to its types
reader.py    from bytes to values
writer.py    from values to bytes, for mappings' tests
decoder.py   `payload: avro`: the framing of a message

This program has its own reader, because the reader of fastavro is not safe for hostile data: 200 KB of nested data end
the process, and 8 bytes can create any number of values (items of an array may have no bytes).
"""
