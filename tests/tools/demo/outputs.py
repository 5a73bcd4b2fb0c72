"""Numbers in the output of the demo."""

import re


def counts(text):
    """(published, received, delivered, read back) of the verdict."""
    published, received = re.search(r"published ([\d,]+) messages, received ([\d,]+)", text).groups()
    delivered, read_back = re.search(r"delivered ([\d,]+) records, read back ([\d,]+)", text).groups()
    return [int(number.replace(",", "")) for number in (published, received, delivered, read_back)]
