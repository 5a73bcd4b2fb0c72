"""Steps that convert a message to the records of one mapping. They run for every message, so they must be fast.

compiled_parts.py    the compiled parts of a mapping; the functions of the other modules are built from them
message_pipeline.py  the function that maps one message: decoding, `where`, `transform`, outputs
fast_path.py         a faster function, for mappings that use only the payload and captures
decoding.py          decompression, encoding and format of the payload
scope.py             the names that expressions can use, and their values
record_builder.py    `transform` and `each`: scope -> records
output_emitter.py    partition key and size limit of one output
envelope.py          the JSON object around a record with `envelope: true`
"""
