import pytest

from bridge.model import Record
from bridge.spool.queue.batch_size import first_within

RECORDS = [Record(number, 1, "kü", b"x" * 7) for number in range(1, 5)]  # 10 bytes each


@pytest.mark.parametrize(("max_bytes", "count"), [(1000, 4), (40, 4), (30, 3), (29, 2), (9, 0)])
def test_first_within_takes_what_fits_exactly(max_bytes, count):
    assert first_within(RECORDS, max_bytes, 0) == (RECORDS[:count], 7 * count, 3 * count)


def test_first_within_takes_one_record_however_large():
    assert first_within(RECORDS, 9, 1) == (RECORDS[:1], 7, 3)


def test_first_within_without_records_returns_nothing():
    assert first_within([], 9, 1) == ([], 0, 0)
