"""Protocol Buffers, with the `protobuf` package: https://protobuf.dev/.

tokens.py       the words of a `.proto` file
proto_file.py   a `.proto` file as a descriptor, which needs no compiler
descriptors.py  message types of schema files
counting.py     the number of values, before they take memory
values.py       from messages to values
filling.py      from values to messages, for mappings' tests
decoder.py      `payload: protobuf`

The package is an extra. All files but `tokens.py` import it.
"""
