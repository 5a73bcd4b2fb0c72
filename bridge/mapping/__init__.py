"""The mapping language: topic patterns, expressions, and the conversion of a message to records.

    router.py       the active mappings, and which of them match a topic
    mapping.py      one compiled mapping
    pipeline/       the steps of a message through one mapping: the hot path
    expressions/    JMESPath: parser, compiler, functions
    topics/         topic patterns and subscriptions
    stateful/       `changes`, `sample`, Sparkplug B
    file_models/    the options of a mapping file, as pydantic models
    loading/        files -> active mappings; hot reload
    selftest/       the tests in a mapping file
    explain.py      the steps that `mqtt-kinesis try` prints for one message
    rendering.py    records and rejections as text
    comparison/     `mqtt-kinesis diff`: two sets of mappings on the same messages
    proposals/      `mqtt-kinesis init`: mapping files for observed messages

The package uses no network. Only `loading` reads files, and only `loading` uses a clock.
"""
