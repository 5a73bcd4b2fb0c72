"""Packing of several records into one Kinesis record, and unpacking them again.

packers.py           the packer for each value of the option `packing`
kpl_aggregation.py   `packing: kpl`: the aggregation format of the Kinesis Producer Library
json_lines.py        `packing: lines`: lines of JSON, compressed on request
unpack.py            the records in a Kinesis record, as a consumer returns them (for `prove`)
"""
