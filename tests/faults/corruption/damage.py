"""Random damage to the files of a spool. A seed determines the kind and the position of the damage."""

import random
from collections.abc import Callable
from pathlib import Path

PAGE = 4096


def flip_bits(chance: random.Random, data: bytearray) -> None:
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def flip_a_bit_of_the_start(chance: random.Random, data: bytearray) -> None:
    data[chance.randrange(min(200, len(data)))] ^= 1 << chance.randrange(8)


def write_garbage(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(len(data))
    length = min(chance.choice((1, 4, 64, 512)), len(data) - at)
    data[at : at + length] = chance.randbytes(length)


def zero_pages(chance: random.Random, data: bytearray) -> None:
    for _ in range(chance.choice((1, 1, 3))):
        at = chance.randrange(-(-len(data) // PAGE)) * PAGE
        data[at : at + PAGE] = bytes(len(data[at : at + PAGE]))


def swap_pages(chance: random.Random, data: bytearray) -> None:
    pages = len(data) // PAGE
    if pages < 2:
        flip_bits(chance, data)
        return
    one, other = (each * PAGE for each in chance.sample(range(pages), 2))
    data[one : one + PAGE], data[other : other + PAGE] = data[other : other + PAGE], data[one : one + PAGE]


def cut(chance: random.Random, data: bytearray) -> None:
    del data[chance.randrange(len(data)) :]


def cut_pages_off_the_end(chance: random.Random, data: bytearray) -> None:
    del data[max(0, len(data) - PAGE * chance.randrange(1, 4)) :]


KINDS: dict[str, Callable[[random.Random, bytearray], None]] = {
    "bits flipped": flip_bits,
    "a bit of the header flipped": flip_a_bit_of_the_start,
    "garbage written": write_garbage,
    "pages zeroed": zero_pages,
    "pages swapped": swap_pages,
    "cut": cut,
    "pages cut off": cut_pages_off_the_end,
}


def hurt(folder: Path, chance: random.Random) -> str:
    """Damage the database, the log or both, and return a description."""
    files = [folder / name for name in ("spool.db", "spool.db-wal")]
    files = [file for file in files if file.exists() and file.stat().st_size]
    chosen = files if chance.random() < 0.15 else [chance.choice(files)]
    done = []
    for file in chosen:
        kind = chance.choice(list(KINDS))
        data = bytearray(file.read_bytes())
        KINDS[kind](chance, data)
        file.write_bytes(data)
        done.append(f"{file.name}: {kind}")
    return ", ".join(done)
