"""Spools as they are after a SIGKILL, with a record of their contents that does not use code of the bridge."""

import random
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bridge.spool.database.transaction import Transaction
from tests.spool.builders import dead_letter, opened

STREAMS = ("press", "oven", "archive order=strict")
MAPPINGS = ("machines", "öfen")
KEYS = ("line-1", "line-2", "Füllstand", "🜁")
FILES = ("spool.db", "spool.db-wal")


@dataclass
class Specimen:
    """A spool after a SIGKILL.

    folder        copy of the folder that the killed process left
    waiting       acknowledged records that were not delivered, as (stream, key, data)
    ever          all records that the spool has ever contained
    dead_letters, dead_letters_ever
                  the same for dead letters, by payload
    states        states of mappings that the spool has ever contained, as (mapping, key, value)
    """

    folder: Path
    waiting: set[tuple[str, str, bytes]] = field(default_factory=set)
    ever: set[tuple[str, str, bytes]] = field(default_factory=set)
    dead_letters: set[bytes] = field(default_factory=set)
    dead_letters_ever: set[bytes] = field(default_factory=set)
    states: set[tuple[str, str, bytes]] = field(default_factory=set)


def killed_spool(folder: Path, seed: int, *, bursts: int, in_log: bool) -> Specimen:
    """Fill a spool in bursts of random size, and deliver a part of the records.

    With `in_log`, the last third of the bursts is only in the write-ahead log.
    """
    chance, specimen = random.Random(seed), Specimen(folder / "killed")
    spool = opened(folder / "alive")
    serial = Counter()
    for burst in range(bursts):
        transaction = Transaction()
        for _ in range(chance.randrange(1, 60)):
            _append(spool, specimen, chance, serial)
        if burst % 5 == 0:
            _reject(spool, specimen, chance, transaction, f"dead {burst}".encode() + chance.randbytes(30))
        name, value = f"key {chance.randrange(40)}", chance.randbytes(50)
        spool.state(MAPPINGS[0]).put(name, value)
        specimen.states.add((MAPPINGS[0], name, value))
        transaction.qos2_ids[burst + 1] = True
        transaction.filtered[spool.mapping_number(MAPPINGS[0]), spool.queue(STREAMS[0]).number] += 1
        spool.commit(transaction)
        _deliver(spool, specimen, chance)
        if burst == bursts * 2 // 3 and in_log:
            spool._database.execute("pragma wal_checkpoint(truncate)").fetchall()
    if not in_log:
        spool._database.execute("pragma wal_checkpoint(truncate)").fetchall()
    shutil.copytree(folder / "alive", specimen.folder)
    spool.close()
    return specimen


def _append(spool, specimen, chance, serial):
    stream = chance.choice(STREAMS)
    key = chance.choice((*KEYS, None))
    serial[stream] += 1
    size = 6_000 if chance.random() < 0.02 else chance.randrange(20, 400)
    data = f"{stream} {serial[stream]} ".encode() + chance.randbytes(size)
    queue = spool.queue(stream)
    queue.append(spool.mapping_number(chance.choice(MAPPINGS)), key, data)
    specimen.ever.add((stream, key or f"{queue.pending[-1].number}", data))
    specimen.waiting.add((stream, key or f"{queue.pending[-1].number}", data))


def _reject(spool, specimen, chance, transaction, payload):
    stream = chance.choice(STREAMS)
    letter = dead_letter(mapping=MAPPINGS[0], streams=(stream,), payload=payload, total_bytes=len(payload))
    transaction.dead_letters.append(letter)
    transaction.dead_lettered[spool.mapping_number(MAPPINGS[0]), spool.queue(stream).number] += 1
    specimen.dead_letters.add(payload)
    specimen.dead_letters_ever.add(payload)


def _deliver(spool, specimen, chance):
    for stream, queue in spool.queues.items():
        taken = queue.take_batch(chance.randrange(1, 25), 1 << 20)
        if not taken:
            continue
        delivered, rejected = taken[: len(taken) // 2], taken[len(taken) // 2 :][:1]
        queue.settle(delivered, [(record, "invalid", "rejected by the test") for record in rejected])
        specimen.waiting -= {(stream, record.key, record.data) for record in (*delivered, *rejected)}
        specimen.dead_letters |= {record.data for record in rejected}
        specimen.dead_letters_ever |= {record.data for record in rejected}
    spool.commit(Transaction())
