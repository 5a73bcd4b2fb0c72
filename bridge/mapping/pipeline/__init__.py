"""The hot path of a message through one mapping, in the order of the data.

compiled_parts.py    all compiled parts of a mapping, from which the following functions are made
evaluate.py          the function that maps one message: early `where`, decode, `where`, transform, outputs
fast_path.py         a faster function for mappings of the usual form
decoding.py          decompression, encoding and format of the payload
scope.py             the names that expressions see
record_builder.py    `transform` and `each`: scope -> records
output_emitter.py    partition key and size limit of one output
envelope.py          `envelope: true`
"""
