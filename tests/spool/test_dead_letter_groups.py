import pytest

from bridge.errors import BridgeError
from bridge.spool import dead_letter_groups
from bridge.spool.database.transaction import Transaction
from bridge.spool.dead_letter_groups import GroupKey, find_in_group, group_dead_letters, numbers_of_group, reason_of
from tests.spool.builders import dead_letter, opened

START = 1_700_000_000_000


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a spool. A page has two rows. `folder.reject(...)` adds dead letters."""
    monkeypatch.setattr(dead_letter_groups, "PAGE_ROWS", 2)
    spool = opened(tmp_path / "data")
    yield spool
    spool.close()


def reject(spool, *details, **options):
    at = (START + number for number in range(1_000))
    made = [dead_letter(detail=detail, received_at_ms=next(at), **options) for detail in details]
    spool.commit(Transaction(dead_letters=made))
    return spool.folder.path


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ("no JSON", "no JSON"),
        ("unexpected character: line 1 column 14 (char 13)", "unexpected character: line N column N (char N)"),
        ("multiply() argument 1 must be a number, found 'x 17'", "multiply() argument N must be a number, found '…'"),
        ('found "a \\"quoted\\" text"', "found '…'"),
        ('found {"a": 1} and [1, 2]', "found {…} and […]"),
        ("-3.5e-7 is below 0x1F", "N is below N"),
        ("no member 'speed' in sensor_7", "no member 'speed' in sensor_7"),
        ("press07 is utf8", "press07 is utf8"),
        ("x" * 2_000, "x" * dead_letter_groups.MAX_REASON_CHARS),
    ],
)
def test_reason_of_a_detail_has_no_values(detail, reason):
    assert reason_of(detail) == reason


def test_group_has_its_count_times_and_examples(folder):
    path = reject(folder, *(f"found {number}" for number in range(5)))
    reject(folder, "found 9", mapping="other")
    reject(folder, "found 9", code="transform")
    groups = group_dead_letters(path).groups
    assert [(each.mapping, each.code, each.dead_letters) for each in groups] == [
        ("m", "decode", 5),
        ("other", "decode", 1),
        ("m", "transform", 1),
    ]
    first = groups[0]
    assert (first.reason, first.details) == ("found N", ["found 0", "found 1", "found 2"])
    assert (first.first_ms, first.last_ms, first.oldest, first.newest) == (START, START + 4, 1, 5)


def test_groups_beyond_the_limit_are_counted_together(folder, monkeypatch):
    monkeypatch.setattr(dead_letter_groups, "MAX_GROUPS", 2)
    grouped = group_dead_letters(reject(folder, "a", "b", "c", "d", "a"))
    assert ([each.reason for each in grouped.groups], grouped.others) == (["a", "b"], 2)


def test_numbers_of_a_group_are_found_over_all_pages(folder):
    path = reject(folder, *(["found 1", "other", "found 2"] * 4))
    key = GroupKey("m", "decode", "found N")
    assert numbers_of_group(path, key, 0, 10**18, 100) == [1, 3, 4, 6, 7, 9, 10, 12]
    assert numbers_of_group(path, key, 3, 9, 100) == [4, 6, 7, 9]
    assert numbers_of_group(path, key, 0, 2**70, 3) == [1, 3, 4]
    assert numbers_of_group(path, GroupKey("", "decode", "found N"), 0, 100, 3) == []


def test_newest_of_a_group_are_read_over_all_pages(folder):
    path = reject(folder, *(["found 1", "other", "found 2"] * 4))
    key = GroupKey("m", "decode", "found N")
    assert [each.number for each in find_in_group(path, key, None, 3)] == [12, 10, 9]
    assert [each.number for each in find_in_group(path, key, 9, 100)] == [7, 6, 4, 3, 1]
    assert find_in_group(path, key, 1, 100) == []


def test_groups_of_a_folder_without_a_spool_are_an_error(tmp_path):
    with pytest.raises(BridgeError, match="no spool"):
        group_dead_letters(tmp_path)
