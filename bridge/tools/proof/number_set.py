"""Set of record numbers in bounded memory.

Each number is one bit. The bits are stored in blocks. The set creates a block when its first number is added, and
deletes the bits of the block when all its numbers are added. For example, 173 million numbers (one day with 2,000
records a second) need at most 21 MB. The memory depends only on the numbers that were added. A false manifest with a
huge range of numbers needs no memory.
"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_NUMBERS: Final = 8192
"""Number of bits in one block. A block has 1 KiB."""
_BLOCK_BYTES: Final = BLOCK_NUMBERS // 8
_FULL: Final = None


class NumberSet:
    """Set of integers that are at least 0. `size` is the number of integers in the set."""

    def __init__(self) -> None:
        self._bits: dict[int, bytearray | None] = {}
        # For each incomplete block, how many of its numbers are missing.
        self._missing: dict[int, int] = {}
        self.size = 0

    @property
    def blocks(self) -> int:
        """Number of blocks. An incomplete block needs 1 KiB, and a complete block needs no memory."""
        return len(self._bits)

    def add(self, number: int) -> bool:
        """Add a number. Return whether it is new."""
        block, place = divmod(number, BLOCK_NUMBERS)
        if block not in self._bits:
            self._bits[block] = bytearray(_BLOCK_BYTES)
            self._missing[block] = BLOCK_NUMBERS
        bits = self._bits[block]
        if bits is _FULL or bits[place >> 3] >> (place & 7) & 1:
            return False
        bits[place >> 3] |= 1 << (place & 7)
        self.size += 1
        self._missing[block] -= 1
        if not self._missing[block]:
            # A complete block needs no bits. In a long proof, most blocks are complete.
            self._bits[block] = _FULL
            del self._missing[block]
        return True

    def __contains__(self, number: int) -> bool:
        """Return whether the number was added."""
        block, place = divmod(number, BLOCK_NUMBERS)
        if block not in self._bits:
            return False
        bits = self._bits[block]
        return bits is _FULL or bits[place >> 3] >> (place & 7) & 1 == 1

    def runs(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the runs of consecutive numbers in the set from `first` to `last`, in order.

        A run is a pair of its lowest and its highest number.
        """
        begin = end = -1
        for low, high in self._block_runs(first, last):
            if low == end + 1 and begin >= 0:
                end = high
                continue
            if begin >= 0:
                yield begin, end
            begin, end = low, high
        if begin >= 0:
            yield begin, end

    def gaps(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the runs of numbers from `first` to `last` that are not in the set, in order."""
        for low, high in self.runs(first, last):
            if low > first:
                yield first, low - 1
            first = high + 1
        if first <= last:
            yield first, last

    def count(self, first: int, last: int) -> int:
        """Return how many numbers from `first` to `last` are in the set."""
        return sum(high - low + 1 for low, high in self.runs(first, last))

    @property
    def highest(self) -> int:
        """Highest number in the set, or -1 if the set is empty."""
        if not self._bits:
            return -1
        block = max(self._bits)
        bits = self._bits[block]
        within = BLOCK_NUMBERS if bits is _FULL else int.from_bytes(bits, "little").bit_length()
        return block * BLOCK_NUMBERS + within - 1

    def _block_runs(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the runs of consecutive numbers from `first` to `last`. Each run is within one block."""
        blocks = range(first // BLOCK_NUMBERS, last // BLOCK_NUMBERS + 1)
        # Iterate over the blocks of the range, or over the existing blocks if these are fewer. A manifest may cover far
        # more numbers than were found.
        existing = blocks if len(blocks) < len(self._bits) else sorted(block for block in self._bits if block in blocks)
        for block in existing:
            if block not in self._bits:
                continue
            begin = block * BLOCK_NUMBERS
            low, high = max(first - begin, 0), min(last - begin, BLOCK_NUMBERS - 1)
            bits = self._bits[block]
            if bits is _FULL:
                yield begin + low, begin + high
            else:
                yield from _runs_of_bits(int.from_bytes(bits, "little"), begin, low, high)

    def stored(self) -> dict[str, Any]:
        """Return the set as JSON values."""
        return {
            # Use level 1, which is the fastest. Most bits are ones, which every level compresses well.
            str(block): "" if bits is _FULL else base64.b64encode(zlib.compress(bits, 1)).decode()
            for block, bits in self._bits.items()
        }

    @classmethod
    def of(cls, stored: dict[str, Any]) -> NumberSet:
        """Return the set from the result of `stored`. Raise ValueError if the result is invalid."""
        made = cls()
        for name, text in stored.items():
            bits = _bits(text) if text else _FULL
            present = BLOCK_NUMBERS if bits is _FULL else int.from_bytes(bits, "little").bit_count()
            made._bits[int(name)] = bits
            made.size += present
            if bits is not _FULL:
                made._missing[int(name)] = BLOCK_NUMBERS - present
        return made


def _bits(text: str) -> bytearray:
    """Return the bits of an incomplete block. Raise ValueError if their number is wrong."""
    try:
        bits = bytearray(zlib.decompress(base64.b64decode(text)))
    except zlib.error as error:
        raise ValueError(f"not a block of numbers: {error}") from None
    if len(bits) != _BLOCK_BYTES:
        raise ValueError("not a block of numbers: it has another size")
    return bits


def _runs_of_bits(bits: int, begin: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield the runs of numbers whose bits are 1, from bit `low` to bit `high`. `begin` is the number of bit 0."""
    rest, place = bits >> low & (1 << high - low + 1) - 1, begin + low
    while rest:
        # `rest & -rest` contains only the lowest 1 of `rest`. Count the zeros below this bit.
        zeros = (rest & -rest).bit_length() - 1
        rest >>= zeros
        place += zeros
        # `~rest & rest + 1` contains only the lowest 0 of `rest`. Count the ones below this bit.
        ones = (~rest & rest + 1).bit_length() - 1
        yield place, place + ones - 1
        rest >>= ones
        place += ones
