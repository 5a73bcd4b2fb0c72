"""Packing of several records into one Kinesis record, and unpacking it again.

packers.py           the packers by the option `packing`, and what they have in common
kpl_aggregation.py   `packing: kpl`: the aggregation format of the Kinesis Producer Library
json_lines.py        `packing: lines`: lines of JSON, compressed on request
unpack.py            the records in a Kinesis record, as consumers see them (for `prove`)
"""
