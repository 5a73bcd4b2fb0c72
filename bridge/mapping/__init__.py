"""The mapping language: topic patterns, expressions, and the conversion of a message to records.

    router.py       the active mappings, and which of them match a topic
    mapping.py      one compiled mapping
    pipeline/       the steps of a message through one mapping: the hot path
    expressions/    JMESPath: parser, compiler, functions
    topics/         topic patterns and subscriptions
    stateful/       `changes`, `sample`, Sparkplug B
    schema/         form of a mapping file (pydantic models)
    loading/        files -> active mappings; hot reload
    selftest/       the tests in a mapping file
    explain.py      `try`: what a mapping does, step by step; rendering.py: records as text
    comparison/     `diff`: two sets of mappings on the same messages
    proposals/      `init`: mappings for observed messages

The package uses no threads, no clock and no network. Only `loading` reads files.
"""
