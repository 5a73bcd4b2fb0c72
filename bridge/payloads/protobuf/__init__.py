"""Protocol Buffers, with the `protobuf` package: https://protobuf.dev/.

tokens.py          divides a `.proto` file into tokens
proto_file.py      parses a `.proto` file to a descriptor, so that users need no compiler
message_types.py   the message types in schema files
value_limit.py     limits the number of values of a message before decoding
value_reader.py    converts messages to values
encoder.py         converts values to messages, for the tests of mappings
decoder.py         `payload: protobuf`

The package `protobuf` is an optional dependency (an extra). All files except `tokens.py` import it.
"""
