"""Apache Avro, by the specification https://avro.apache.org/docs/1.12.0/specification/.

schema.py    from the text of a schema to its types
reader.py    from bytes to values
writer.py    from values to bytes, for mappings' tests
decoder.py   `payload: avro`: the framing of a message

This is no package's reader: that of fastavro ends the process for 200 KB of nested data, and makes any number of values
from 8 bytes, as an item of an array may have none.
"""
