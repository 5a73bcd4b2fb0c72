"""Pydantic models of a mapping file. They check the options of a file: names, types and combinations.

    mapping_spec.py     the complete file
    payload_spec.py     options of payload formats: `csv`, `xml`, `avro`, `protobuf`
    stateful_spec.py    `changes`, `sample` and `sparkplug`
    output_spec.py      one entry of `outputs`
    selftest_spec.py    one entry of `tests`
    field_types.py      types that several models use

The models do not check expressions. `bridge.mapping.loading.spec_validation` compiles them.
"""
