"""Short manifests and enveloped records for tests."""

import orjson

from bridge.spool.queue.record_checksum import checksum_of, checksum_text

SPOOL = "0000000a"
AT = "2026-01-31T12:00:00.000Z"


def record(number, content=b"1", *, spool=SPOOL, queue=1):
    return b'{"id":"%b-%04x-%012x","data":%b}' % (spool.encode(), queue, number, content)


def checksum(numbers):
    total = 0
    for number in numbers:
        total ^= checksum_of(record(number))
    return checksum_text(total)


def fields(first=1, last=10, **changes):
    """The fields of a manifest about `record(first)` to `record(last)`."""
    made = {
        "manifest": 1,
        "bridge": "press-shop",
        "spool": SPOOL,
        "queue": 1,
        "stream": "archive",
        "since": 1,
        "first": first,
        "last": last,
        "except": [],
        "at": AT,
    }
    return {**made, **changes}


def manifest(first=1, last=10, **changes):
    excluded = {n for span in changes.get("except", ()) for n in range(span["first"], span["last"] + 1)}
    sure = {"checksum": checksum(set(range(first, last + 1)) - excluded)} if last - first < 10_000 else {}
    return orjson.dumps(fields(first, last, **{**sure, **changes}))
