"""Apache Avro, by the specification https://avro.apache.org/docs/1.12.0/specification/.

schema.py    from the text of a schema to its types
reader.py    from bytes to values
writer.py    from values to bytes, for mappings' tests
decoder.py   `payload: avro`: the framing of a message

The reader is part of this program, because that of fastavro ends the process for 200 KB of nested data. It also creates
any number of values from 8 bytes, because items of an array may have no bytes.
"""
