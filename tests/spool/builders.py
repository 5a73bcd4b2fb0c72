"""Builders of small spools, records and dead letters for tests. Records can be counted without the ledger."""

import sqlite3

from bridge.model import DeadLetter
from bridge.spool.database.transaction import Transaction
from bridge.spool.opening import open_spool
from bridge.spool.settings import SpoolSettings

OPENED = []
"""Spools that the present test has opened: tests/spool/conftest.py closes them."""


def opened(path, *, live_first=False, **options):
    # No validation, because tests use sizes below the minimum of bridge.yaml.
    settings = SpoolSettings.model_construct(path=path, **{"min_free_bytes": 0} | options)
    OPENED.append(open_spool(settings, live_first=live_first))
    return OPENED[-1]


def append(spool, *data, stream="press", mapping="m", key="k"):
    queue = spool.queue(stream)
    number = spool.mapping_number(mapping)
    for each in data:
        queue.append(number, key, each)


def put(spool, *data, **options):
    append(spool, *data, **options)
    spool.commit(Transaction())


def take(spool, count=500, *, stream="press", max_bytes=1 << 20):
    return spool.queue(stream).take_batch(count, max_bytes)


def take_all(spool, *, stream="press", max_bytes=1 << 20):
    taken = []
    while records := take(spool, stream=stream, max_bytes=max_bytes):
        taken += records
    return taken


def settle(spool, delivered=(), rejected=(), *, stream="press"):
    spool.queue(stream).settle(list(delivered), list(rejected))
    spool.commit(Transaction())


def data_of(records):
    return [record.data for record in records]


def dead_letter(**options):
    return DeadLetter(
        **{
            "kind": "message",
            "mapping": "m",
            "streams": ("press",),
            "item": None,
            "code": "decode",
            "detail": "no JSON",
            "topic": "plant/press",
            "payload": b"\x00\xffraw",
            "total_bytes": 5,
            "qos": 1,
            "retain": False,
            "received_at_ms": 1_700_000_000_123,
        }
        | options
    )


def counted(path):
    """Return the records in the database by mapping and stream, counted independently of the ledger."""
    database = sqlite3.connect(f"file:{path / 'spool.db'}?mode=ro", uri=True)
    try:
        mappings = dict(database.execute("select number, name from mappings"))
        streams = dict(database.execute("select number, name from streams"))
        found = {}
        for number, name in streams.items():
            if name:
                rows = database.execute(f"select mapping, count(*) from queue_{number} group by mapping")
                found |= {(mappings[mapping], name): count for mapping, count in rows}
        return found
    finally:
        database.close()


def assert_ledger_balanced(spool):
    assert all(row.balanced for row in spool.ledger_rows())
    assert all(min(row[2:]) >= 0 for row in spool.ledger_rows())
    assert {(row.mapping, row.stream): row.spooled for row in spool.ledger_rows() if row.spooled} == counted(
        spool.folder.path
    )
